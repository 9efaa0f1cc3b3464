"""Drop-in: how do acquisitions become k-spaces, and the same acquisitions again?"""

from gadgets.drop_in.repairer import RawRepairer

__all__ = ["RawRepairer"]
