"""The kinds of arrays that the method works on, by what their elements are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ComplexArray = NDArray[np.complexfloating[Any, Any]]
FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]

SMALLEST_PEAK, LARGEST_PEAK = 1e-6, 1e12
"""Between these lie the largest samples of arrays whose sums of squares stay in single precision."""
