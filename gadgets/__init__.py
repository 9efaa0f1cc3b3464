"""What happens to the data? One module per node, the rooms of the method below them, and functions for plain arrays.

``from gadgets import find_sparks, repair_sparks, SparkDetector`` is all that somebody needs who has a k-space in a
NumPy array. They are imported when they are asked for: ``import gadgets.errors`` brings neither SciPy nor ONNX Runtime.
"""

from typing import TYPE_CHECKING, Any

import onnx_models  # noqa: F401 - whatever is imported next, the telemetry of ONNX Runtime is off

if TYPE_CHECKING:
    from gadgets.plain_arrays import SparkDetector, find_sparks, repair_sparks

__all__ = ["SparkDetector", "find_sparks", "repair_sparks"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - functions and a class
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gadgets import plain_arrays

    return getattr(plain_arrays, name)


def __dir__() -> list[str]:
    # Completion shows them, too, before anybody has asked for one.
    return sorted([*globals(), *__all__])
