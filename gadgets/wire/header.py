"""The MRD header: its encodings, and what it says of scanner and receivers."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from itertools import islice
from typing import Any, Literal, cast

from ismrmrd import xsd
from xsdata.exceptions import ConverterWarning

from gadgets.errors import RawDataError
from gadgets.findings import OWN_VENDOR, TICK_S, ScanFacts
from gadgets.indices import COUNTERS, Indices
from gadgets.kspace import Encoding, Limits, credible, whole
from gadgets.outside import printable

MOST_COILS = 1024
MOST_NAME = 256
"""Characters of a name that are kept: it is shown, and stands in every record."""


# The parser warns of a date in a foreign format, for example, and quotes it: what is said of a patient must stand in no
# log. For the whole process, because whoever runs a node parses the header before the node has it.
warnings.filterwarnings("ignore", category=ConverterWarning)


def xsd_header(xml: bytes) -> Any:  # noqa: ANN401
    """Parse an MRD header as the ``gadgetron`` package does."""
    return xsd.CreateFromDocument(xml)


def encodings_of(header: Any) -> tuple[Encoding, ...]:  # noqa: ANN401 - ismrmrd is untyped
    """Read the encodings of a parsed MRD header (``ismrmrd.xsd.ismrmrdHeader``).

    Limits that the header does not give, that no k-space has, or that leave a single line of a matrix of several, are
    taken from the encoded matrix.

    Raises
    ------
    RawDataError
        Something else stands in the place of a number.
    """
    try:
        return tuple(_encoding(encoding) for encoding in header.encoding)
    # A Gadgetron hands on whatever stands in the header; the parser keeps a text in the place of a number.
    except (AttributeError, TypeError, ValueError) as error:
        # Without its text, which quotes the value.
        raise RawDataError(
            f"expected encodings of numbers in the MRD header, found others ({type(error).__name__})"
        ) from None


def facts_of(header: Any) -> ScanFacts:  # noqa: ANN401 - ismrmrd is untyped
    """Read what helps to understand findings from a parsed MRD header; nothing of who was scanned."""
    system, measurement = header.acquisitionSystemInformation, header.measurementInformation
    vendor = _text(system, "systemVendor")
    is_siemens = "SIEMENS" in vendor.upper()
    field = getattr(system, "systemFieldStrength_T", None)
    return ScanFacts(
        protocol=_text(measurement, "protocolName"),
        station=_text(system, "stationName"),
        vendor=vendor,
        system=_text(system, "systemModel"),
        field_t=field if isinstance(field, float | int) else None,
        coils=_coil_names(getattr(system, "coilLabel", None) or ()),
        tick_s=TICK_S if is_siemens or vendor == OWN_VENDOR else None,
        is_clock=is_siemens,
    )


def _coil_names(labels: Iterable[Any]) -> tuple[str, ...]:
    names: dict[int, str] = {}
    # No more than a scanner has: all of them stand in every record.
    for number, label in enumerate(islice(labels, MOST_COILS)):
        # Not believed beyond reason: a wrong number would make a list of any length.
        place = label.coilNumber if isinstance(label.coilNumber, int) and 0 <= label.coilNumber < MOST_COILS else number
        names[place] = _name(label.coilName)
    return tuple(names.get(place, "") for place in range(max(names, default=-1) + 1))


def _text(information: Any, name: str) -> str:  # noqa: ANN401
    # Each part of the header is optional, and so is each value in it.
    return _name(getattr(information, name, None))


def _name(value: object) -> str:
    return printable(str(value or "").strip(), most=MOST_NAME)


def _encoding(encoding: Any) -> Encoding:  # noqa: ANN401
    encoded, recon = encoding.encodedSpace, encoding.reconSpace
    n_lines, n_partitions = encoded.matrixSize.y, encoded.matrixSize.z
    limits = encoding.encodingLimits
    # Encoding limits are optional in MRD, each of them and all together.
    lines = _limits(limits and limits.kspace_encoding_step_1, n_lines)
    partitions = _limits(limits and limits.kspace_encoding_step_2, n_partitions)
    trajectory = _trajectory(encoding.trajectory)
    # The lines of other trajectories are numbers of spokes or interleaves, of which the matrix says nothing.
    if trajectory in ("cartesian", "epi"):
        lines, partitions = credible(lines, n_lines), credible(partitions, n_partitions)
    # Taken at its word, such a limit would end each k-space at its first readout.
    if lines.maximum == 0 and n_lines > 1:
        lines = whole(n_lines)
    return Encoding(
        encoded_matrix=(encoded.matrixSize.x, n_lines, n_partitions),
        recon_matrix=(recon.matrixSize.x, recon.matrixSize.y, recon.matrixSize.z),
        lines=lines,
        partitions=partitions,
        encoded_fov=_field_of_view(encoded),
        recon_fov=_field_of_view(recon),
        acceleration=_acceleration(encoding.parallelImaging),
        last=_last(limits),
        trajectory=trajectory,
    )


def _last(limits: Any) -> Indices:  # noqa: ANN401
    announced = {name: getattr(limits, name, None) for name in COUNTERS}
    return Indices(**{name: limit.maximum for name, limit in announced.items() if limit is not None})


def _limits(limits: Any, n_matrix: int) -> Limits:  # noqa: ANN401
    if limits is None:
        return whole(n_matrix)
    # A maximum below the minimum would make a negative number of lines.
    return Limits(limits.minimum, limits.center, max(limits.maximum, limits.minimum))


def _field_of_view(space: Any) -> tuple[float, float, float]:  # noqa: ANN401
    field_of_view = space.fieldOfView_mm
    return float(field_of_view.x), float(field_of_view.y), float(field_of_view.z)


def _acceleration(parallel_imaging: Any) -> tuple[int, int]:  # noqa: ANN401
    if parallel_imaging is None or parallel_imaging.accelerationFactor is None:
        return 1, 1
    factor = parallel_imaging.accelerationFactor
    # The number of readouts that are expected is divided by it.
    return max(factor.kspace_encoding_step_1, 1), max(factor.kspace_encoding_step_2, 1)


Trajectory = Literal["cartesian", "epi", "radial", "goldenangle", "spiral", "other"]


def _trajectory(trajectory: Any) -> Trajectory:  # noqa: ANN401
    # The parser gives a member of an enumeration, or the bare text, which some tools write as Python shows a member.
    return cast(Trajectory, str(getattr(trajectory, "value", trajectory)).lower().rpartition(".")[2])
