"""The MRD header as other tools write it: what despark needs of it, read leniently and written anew.

The parser of the ``ismrmrd`` package, which the nodes use, refuses a header for what nobody here asks for: a patient's
position that is missing, an element it does not know. What is needed is little: matrices, limits, trajectory and
acceleration. What comes behind a chain gets the header as it was; only nodes get this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, tostring

from gadgets.errors import RawDataError

NAMESPACE = "http://www.ismrm.org/ISMRMRD"
AXES = ("x", "y", "z")
LIMITS = ("minimum", "maximum", "center")


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
        It has no encoding, or no size of a matrix; or a number is none.
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
    yield from _space(encoded, SubElement(plain, "encodedSpace"), f"{where}, encodedSpace")
    recon = _first(encoding, "reconSpace")
    if recon is None:
        yield "no reconSpace, images have the encoded matrix"
    _ = list(_space(encoded if recon is None else recon, SubElement(plain, "reconSpace"), f"{where}, reconSpace"))
    limits = SubElement(plain, "encodingLimits")
    given = _first(encoding, "encodingLimits")
    for limit in () if given is None else given:
        values = {name: _first(limit, name) for name in LIMITS}
        if None not in values.values():
            _copy_numbers(values, SubElement(limits, _name(limit)), f"{where}, {_name(limit)}")
    trajectory = _first(encoding, "trajectory")
    if trajectory is None:
        yield "no trajectory, taken for cartesian"
    kind = "cartesian" if trajectory is None else (trajectory.text or "").strip().lower()
    # Some tools write it as Python shows a member of an enumeration: TrajectoryType.CARTESIAN.
    SubElement(plain, "trajectory").text = kind.rpartition(".")[2]
    factors = _first(_first(encoding, "parallelImaging"), "accelerationFactor")
    if factors is not None:
        factor = SubElement(SubElement(plain, "parallelImaging"), "accelerationFactor")
        steps = ("kspace_encoding_step_1", "kspace_encoding_step_2")
        _copy_numbers({name: _first(factors, name) for name in steps}, factor, f"{where}, accelerationFactor", "1")


def _space(space: Element, plain: Element, where: str) -> Iterator[str]:
    """Write a matrix and its field of view."""
    matrix = _first(space, "matrixSize")
    if matrix is None:
        raise RawDataError(f"{where}: expected the size of its matrix, found none")
    _copy_numbers({axis: _first(matrix, axis) for axis in AXES}, SubElement(plain, "matrixSize"), where, "1")
    field_of_view, written = _first(space, "fieldOfView_mm"), SubElement(plain, "fieldOfView_mm")
    if field_of_view is None:
        yield "no field of view, pixels are 1 mm wide"
        field_of_view = matrix
    for axis in AXES:
        size = _first(field_of_view, axis)
        text = "1" if size is None else (size.text or "").strip()
        if _number(text) != _number(text):
            raise RawDataError(f"{where}: expected a number as {axis} of its field of view, found none")
        SubElement(written, axis).text = text


def _copy_numbers(values: dict[str, Element | None], plain: Element, where: str, default: str = "0") -> None:
    """Copy whole numbers, which some tools write as fractions."""
    for name, value in values.items():
        text = default if value is None else (value.text or "").strip()
        number = _number(text)
        if not number.is_integer():
            # A text is not quoted: nobody knows what stands in the place of a number.
            found = "no number" if number != number else text
            raise RawDataError(f"{where}: expected a whole number as {name}, found {found}")
        SubElement(plain, name).text = str(int(number))


def _number(text: str) -> float:
    """Give the number that a text says; NaN where it says none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _name(element: Element) -> str:
    """Give an element's name without its namespace: tools leave it out, or use a prefix of their own."""
    return element.tag.rpartition("}")[2]


def _all(parent: Element, name: str) -> Iterator[Element]:
    return (child for child in parent if _name(child) == name)


def _first(parent: Element | None, name: str) -> Element | None:
    return None if parent is None else next(_all(parent, name), None)
