"""The MRD header as other tools write it: what despark needs of it, read leniently and written anew.

The parser of the ``ismrmrd`` package, which the nodes use, refuses a header for what nobody here asks for: a patient's
position that is missing, an element it does not know. What is needed is little: matrices, limits, trajectory and
acceleration. What comes behind a chain gets the header as it was; only nodes get this one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, tostring

from gadgets.errors import RawDataError
from gadgets.outside import name_of

NAMESPACE = "http://www.ismrm.org/ISMRMRD"
AXES = ("x", "y", "z")
LIMITS = ("minimum", "maximum", "center")
STEPS = tuple(f"kspace_encoding_step_{number}" for number in range(3))
COUNTERS = ("average", "slice", "contrast", "phase", "repetition", "set", "segment")
TRAJECTORIES = ("cartesian", "epi", "radial", "goldenangle", "spiral", "other")
"""In the order of their numbers in C++."""

INFINITY = float("inf")
LONGEST_MM = 1e9
"""Of a field of view; far larger numbers have no room in a ReconData, and would cost an image that needs none."""


def plain_header(root: Element, where: str) -> tuple[bytes, list[str]]:
    """Write a header of what is needed of another one.

    Parameters
    ----------
    root
        The header, of any namespace and with any other elements.
    where
        File or peer it came from, for the message of an error.

    Returns
    -------
        The header, and what was taken for granted in it, in words.

    Raises
    ------
    RawDataError
        It has no encoding, or no size of a matrix.
    """
    header, defaults = Element("ismrmrdHeader", xmlns=NAMESPACE), list[str]()
    conditions = SubElement(header, "experimentalConditions")
    # The schema asks for it, and nothing here does.
    SubElement(conditions, "H1resonanceFrequency_Hz").text = "0"
    encodings = list(_all(root, "encoding"))
    if not encodings:
        raise RawDataError(f"{where}: expected an MRD header with an encoding, found none")
    for number, encoding in enumerate(encodings):
        there = f"{where}: MRD header, encoding {number}"
        defaults += [
            f"encoding {number}: {said}" for said in _encoding(encoding, SubElement(header, "encoding"), there)
        ]
    return b'<?xml version="1.0"?>\n' + bytes(tostring(header, encoding="utf-8")), defaults


def _encoding(encoding: Element, plain: Element, where: str) -> Iterator[str]:
    """Write what is needed of one encoding, and say what was taken for granted."""
    encoded = _first(encoding, "encodedSpace")
    if encoded is None:
        raise RawDataError(f"{where}: expected an encodedSpace with the size of its matrix, found none")
    sizes = _sizes(encoded, f"{where}, encodedSpace")
    yield from _space(encoded, sizes, SubElement(plain, "encodedSpace"))
    recon = _first(encoding, "reconSpace")
    recon_sizes = None if recon is None else _usable_sizes(recon)
    if recon is None or recon_sizes is None:
        yield "no reconSpace, images have the encoded matrix"
    # A generator writes only while somebody asks it for what it has to say.
    _ = list(_space(encoded if recon is None else recon, recon_sizes or sizes, SubElement(plain, "reconSpace")))
    yield from _limits(_first(encoding, "encodingLimits"), sizes, SubElement(plain, "encodingLimits"))
    said = _text(_first(encoding, "trajectory"))
    kind = _trajectory(said) if said else "cartesian"
    if not said:
        yield "no trajectory, taken for cartesian"
    elif not kind:
        yield "a trajectory that MRD does not have, taken for other"
    SubElement(plain, "trajectory").text = kind or "other"
    yield from _acceleration(_first(_first(encoding, "parallelImaging"), "accelerationFactor"), plain)


def _sizes(space: Element, where: str) -> list[int]:
    """Read the size of a matrix; of what is two-dimensional some tools leave the third axis at 0 or out.

    Raises
    ------
    RawDataError
        There is none, or something else in its place.
    """
    matrix = _first(space, "matrixSize")
    if matrix is None:
        raise RawDataError(f"{where}: expected the size of its matrix, found none")
    sizes = []
    for axis in AXES:
        size = _first(matrix, axis)
        text = "1" if size is None else _text(size)
        number = _number(text)
        if not number.is_integer():
            # A text is not quoted: nobody knows what stands in the place of a number.
            found = "no number" if number != number else text
            raise RawDataError(f"{where}: expected a whole number as {axis}, found {found}")
        sizes.append(1 if axis == "z" and number == 0 else int(number))
        if sizes[-1] < 1:
            raise RawDataError(f"{where}: expected a matrix size of at least 1 along {axis}, found {text}")
    return sizes


def _usable_sizes(space: Element) -> list[int] | None:
    try:
        return _sizes(space, "")
    except RawDataError:
        return None


def _space(space: Element, sizes: list[int], plain: Element) -> Iterator[str]:
    """Write a matrix and its field of view."""
    matrix, written = SubElement(plain, "matrixSize"), SubElement(plain, "fieldOfView_mm")
    field_of_view, is_given = _first(space, "fieldOfView_mm"), True
    for axis, size in zip(AXES, sizes, strict=True):
        SubElement(matrix, axis).text = str(size)
        length = _number(_text(_first(field_of_view, axis)))
        is_given = is_given and 0 <= length < LONGEST_MM
        SubElement(written, axis).text = str(length if 0 <= length < LONGEST_MM else float(size))
    if not is_given:
        yield "no field of view, pixels are 1 mm wide"


def _limits(limits: Element | None, sizes: list[int], plain: Element) -> Iterator[str]:
    """Write the limits of those counters that have a largest value, with their centre in the middle if it lacks."""
    # Half, rounded down: where the centre of k-space lies for a Fourier transform of that size.
    middles = dict(zip(STEPS, (size // 2 for size in sizes), strict=True))
    for name in (*STEPS, *COUNTERS):
        # Of several the first one, as in C++; the nodes' parser takes no more than one.
        if (limit := _first(limits, name)) is None:
            continue
        values = {"minimum": 0.0, "center": float(middles.get(name, 0))}
        values |= {key: _number(_text(given)) for key in LIMITS if (given := _first(limit, key)) is not None}
        # Neither infinity nor NaN is whole: a limit that is missing fails as one that is no number does.
        if not all(values.get(key, INFINITY).is_integer() for key in LIMITS):
            yield f"no limits of {name}, the matrix counts" if name in STEPS else f"no limits of {name}"
            continue
        written = SubElement(plain, name)
        for key in LIMITS:
            SubElement(written, key).text = str(int(values[key]))


def _acceleration(factors: Element | None, plain: Element) -> Iterator[str]:
    """Write how many readouts are left out, at least, where it is said."""
    if factors is None:
        return
    factor = SubElement(SubElement(plain, "parallelImaging"), "accelerationFactor")
    for name in STEPS[1:]:
        given = _number(_text(_first(factors, name)))
        # Up, as fewer readouts are then expected: down, every k-space would seem to lack some that were never acquired.
        whole = math.ceil(given) if 1 <= given < INFINITY else 1
        if whole != given and _first(factors, name) is not None:
            yield f"acceleration of {name} taken for {whole}"
        SubElement(factor, name).text = str(whole)


def _trajectory(text: str) -> str:
    """Find the name of a trajectory; some tools write it as Python shows a member of an enumeration, or as a number."""
    # A number counts only where it stands alone: beside words it belongs to a name, as the 3 of a "stack of stars 3D".
    words = re.findall("[a-z]+|[0-9]+", text.lower())
    return next((name for number, name in enumerate(TRAJECTORIES) if name in words or [str(number)] == words), "")


def _number(text: str) -> float:
    """Give the number that a text says, in quotes or with a comma as some tools write it; NaN where it says none."""
    try:
        return float(text.strip("\"' \t\r\n").replace(",", "."))
    except ValueError:
        return float("nan")


def _text(element: Element | None) -> str:
    return "" if element is None else (element.text or "").strip()


def _all(parent: Element, name: str) -> Iterator[Element]:
    return (child for child in parent if name_of(child) == name)


def _first(parent: Element | None, name: str) -> Element | None:
    return None if parent is None else next(_all(parent, name), None)
