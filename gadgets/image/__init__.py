"""Image: what does the patient's doctor see?"""

from gadgets.image.meta import MetaValue, meta_of
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
    "Matrix",
    "MetaValue",
    "Placement",
    "centred_fft",
    "centred_inverse_fft",
    "meta_of",
    "on_matrix",
    "place_on_matrix",
    "reconstruct",
    "root_sum_of_squares",
]
