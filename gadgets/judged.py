"""A k-space with all that is known of it, and who is told: the logbook, and the client if it wants to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gadgets.arrays import ComplexArray
from gadgets.image import before_and_after
from gadgets.kspace import Encoding, KSpace
from gadgets.logbook import Recorder
from gadgets.node import Item
from gadgets.records import Assembly, Calibration, Detection
from gadgets.wire import Waveform, waveforms_of


@dataclass(frozen=True, eq=False)
class JudgedKSpace:
    """A k-space with all that is known of it.

    ``kspace`` is None where there was no memory for it, say. ``repaired`` are its samples after the repair, None if
    none changed.
    """

    kspace: KSpace | None
    repaired: ComplexArray | None
    assembly: Assembly
    detection: Detection
    calibration: Calibration


class Told:
    """Tells what was found in a scan.

    Parameters
    ----------
    recorder
        Writes the entry of the logbook.
    encodings
        Those of the MRD header.
    for_client
        Whether the client is told, too.
    """

    def __init__(self, recorder: Recorder, encodings: Sequence[Encoding], *, for_client: bool) -> None:
        self._recorder = recorder
        self._encodings = encodings
        self._for_client = for_client
        self._waveforms: list[Waveform] = []

    def add(self, judged: JudgedKSpace) -> None:
        """Take a k-space that was judged."""
        kspace = judged.kspace
        if kspace is not None and kspace.is_gridded:
            encoding = self._encodings[kspace.indices.encoding]
            self._recorder.show(lambda: before_and_after(kspace, judged.repaired, encoding)[:2])
        self._recorder.add(judged.detection, judged.calibration)
        if self._for_client:
            self._waveforms += _waveforms_of(judged)

    def run(self, stage: Callable[[Iterable[Item]], Iterator[Item]], items: Iterable[Item]) -> Iterator[Item]:
        """Run a stage, and tell at its end what was found."""
        with self._recorder:
            yield from stage(items)
            # Behind all that came: in between they would be taken for waveforms of the scan.
            yield from self._waveforms


def _waveforms_of(judged: JudgedKSpace) -> Iterator[Waveform]:
    """Pack what is known of a k-space into waveforms, without the samples that are meant for the next node."""
    patches = tuple(patch.model_copy(update={"samples": ""}) for patch in judged.detection.target_patches)
    detection = judged.detection.model_copy(update={"repairs": (), "target_patches": patches})
    # The three records of one k-space, in the order in which four nodes would have made them.
    for record in (judged.assembly, detection, judged.calibration):
        yield from waveforms_of(record)
