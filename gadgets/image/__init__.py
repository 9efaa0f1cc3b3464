"""Image: what does the patient's doctor see?"""

from gadgets.image.before_after import before_and_after
from gadgets.image.meta import ORIGINAL_SERIES, MetaValue, meta_of, original_meta
from gadgets.image.reconstruction import (
    Matrix,
    Placement,
    centred_fft,
    centred_inverse_fft,
    on_matrix,
    place_on_matrix,
    reconstruct,
    root_sum_of_squares,
)

__all__ = [
    "ORIGINAL_SERIES",
    "Matrix",
    "MetaValue",
    "Placement",
    "before_and_after",
    "centred_fft",
    "centred_inverse_fft",
    "meta_of",
    "on_matrix",
    "original_meta",
    "place_on_matrix",
    "reconstruct",
    "root_sum_of_squares",
]
