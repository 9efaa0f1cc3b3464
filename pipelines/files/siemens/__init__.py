"""Siemens: how does a scanner's own raw file become an MRD one?"""

from pipelines.files.siemens.twix import as_mrd

__all__ = ["as_mrd"]
