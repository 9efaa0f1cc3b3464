"""The header of MRD version 2 as XML of version 1: the parts that the nodes need, which is the encoding."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from pipelines.files.headers.plain_header import AXES, COUNTERS, NAMESPACE, STEPS


def header_xml(header: Any) -> bytes:  # noqa: ANN401 - of an optional package
    """Write a header.

    Parameters
    ----------
    header
        ``mrd.Header``.
    """
    root = Element("ismrmrdHeader", xmlns=NAMESPACE)
    # In the order of the schema, and with what it demands even where no node looks at it.
    conditions = SubElement(root, "experimentalConditions")
    _add(conditions, "H1resonanceFrequency_Hz", header.experimental_conditions.h1resonance_frequency_hz)
    for encoding in header.encoding:
        _add_encoding(SubElement(root, "encoding"), encoding)
    return b'<?xml version="1.0"?>\n' + bytes(tostring(root, encoding="utf-8"))


def _add_encoding(element: Element, encoding: Any) -> None:  # noqa: ANN401
    _add_space(SubElement(element, "encodedSpace"), encoding.encoded_space)
    _add_space(SubElement(element, "reconSpace"), encoding.recon_space)
    limits = SubElement(element, "encodingLimits")
    for name in (*STEPS, *COUNTERS):
        limit = getattr(encoding.encoding_limits, name)
        # Version 2 leaves out what a scan does not count.
        if limit is not None:
            found = SubElement(limits, name)
            for end in ("minimum", "maximum", "center"):
                _add(found, end, getattr(limit, end))
    _add(element, "trajectory", encoding.trajectory.name.lower())
    if encoding.parallel_imaging is not None:
        factor = SubElement(SubElement(element, "parallelImaging"), "accelerationFactor")
        for name in STEPS[1:]:
            _add(factor, name, getattr(encoding.parallel_imaging.acceleration_factor, name))


def _add_space(element: Element, space: Any) -> None:  # noqa: ANN401
    for name, value in (("matrixSize", space.matrix_size), ("fieldOfView_mm", space.field_of_view_mm)):
        found = SubElement(element, name)
        for axis in AXES:
            _add(found, axis, getattr(value, axis))


def _add(element: Element, name: str, value: Any) -> None:  # noqa: ANN401 - a number or a text
    SubElement(element, name).text = str(value)
