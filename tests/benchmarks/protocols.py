"""Protocols as scanners run them: which readout comes when, and the readouts of a simulated head for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype
from sparks import Place, anywhere, head, where, with_sparks

from gadgets.kspace import ACQ_IS_REVERSE, ACQ_LAST_IN_REPETITION, ACQ_LAST_IN_SLICE, KSpace, kspace_of
from pipelines.messages import MessageID, data_message
from pipelines.phantom.phantom_scan import PhantomScan, header_xml


@dataclass(frozen=True)
class Protocol:
    """How a scan goes: ``(receivers, partitions, lines, samples)`` of a k-space, and when which readout comes.

    ``frames`` k-spaces are acquired, ``together`` of which take turns line by line. A readout takes ``readout``
    seconds; a group of k-spaces that are acquired together takes ``group`` seconds, pauses included. ``counter`` tells
    them apart. After ``volume`` of them they come again, as the next repetition; 0: they do not.
    """

    name: str
    shape: tuple[int, int, int, int]
    frames: int
    together: int
    readout: float
    group: float
    counter: str
    is_epi: bool = False
    volume: int = 0

    @property
    def per_frame(self) -> int:
        """Readouts of one k-space."""
        return self.shape[1] * self.shape[2]

    def schedule(self) -> Iterator[tuple[float, int, int]]:
        """Give every readout: its moment, its k-space and its number in that."""
        for start in range(0, self.frames, self.together):
            for number in range(self.per_frame):
                for turn in range(self.together):
                    moment = start // self.together * self.group + (number * self.together + turn + 1) * self.readout
                    yield moment, start + turn, number


PROTOCOLS = (
    Protocol("fMRI EPI", (32, 1, 64, 128), 2000, 1, 0.0005, 0.05, "slice", is_epi=True, volume=40),
    Protocol("cine", (16, 1, 192, 256), 20, 20, 0.004, 15.36, "phase"),
    Protocol("spin echo", (16, 1, 256, 512), 20, 20, 0.025, 128.0, "slice"),
    Protocol("3D", (32, 128, 192, 256), 1, 1, 0.008, 196.6, "repetition"),
    Protocol("low field", (1, 1, 128, 128), 10, 1, 0.1, 12.8, "repetition"),
)
SPARKS = {"clean": (0, 1), "outer, 1 of 10": (1, 10), "anywhere, 1 of 10": (1, 10), "8 in each": (8, 1)}
"""Sparks in a k-space, and which share of all k-spaces has them."""

N_REPETITIONS = 4
"""Different ones; then they come again, each as a copy."""


def kspaces_of(protocol: Protocol, sparks: str) -> tuple[list[KSpace], list[KSpace]]:
    """Give clean k-spaces, one for each repetition in turn, and some with sparks of ripple-to-noise ratio 1."""
    n_coils, n_partitions, *plane = protocol.shape
    clean, rng = head(n_coils, *plane), np.random.default_rng(1)
    if n_partitions > 1:
        # Partitions away from the centre are darker, and have noise of their own.
        fall = 1 / (1 + np.abs(np.arange(n_partitions) - n_partitions // 2))
        noise = rng.normal(size=(2, n_coils, n_partitions, *plane)).astype(np.float32) / np.float32(np.sqrt(2))
        clean = kspace_of((clean.data * fall[:, None, None] + noise[0] + 1j * noise[1]).astype(np.complex64))
    n_sparks = SPARKS[sparks][0]
    drawn: Callable[[], list[Place]] = lambda: anywhere(clean, n_sparks, rng)  # noqa: E731
    if sparks.startswith("outer"):
        drawn = lambda: where(clean, n_sparks, rng, lambda radius: radius > 0.3)  # noqa: E731
    repetitions = [_repeated(clean, rng) for _ in range(N_REPETITIONS)] if protocol.volume else [clean]
    n_sparked = N_REPETITIONS if n_sparks else 0
    sparked = [
        with_sparks(repetitions[number % len(repetitions)], drawn(), 1.0, rng, single=False)
        for number in range(n_sparked)
    ]
    return repetitions, sparked


def _repeated(kspace: KSpace, rng: np.random.Generator) -> KSpace:
    """Acquire a k-space again: a phase that has drifted, and other noise, which earlier ones do not tell."""
    noise = rng.normal(size=(2, *kspace.data.shape)).astype(np.float32) / np.float32(np.sqrt(2))
    drifted = kspace.data * np.exp(1j * rng.normal(0, 0.1)) + noise[0] + 1j * noise[1]
    return replace(kspace, data=drifted.astype(np.complex64))


def message_of(protocol: Protocol, kspace: KSpace, frame: int, number: int) -> bytes:
    """Write one readout as it goes over the wire."""
    partition, line = divmod(number, protocol.shape[2])
    row = np.zeros(1, dtype=acquisition_header_dtype)
    row["version"], row["scan_counter"] = 1, frame * protocol.per_frame + number + 1
    row["number_of_samples"], row["center_sample"] = protocol.shape[3], protocol.shape[3] // 2
    row["available_channels"] = row["active_channels"] = protocol.shape[0]
    row["read_dir"], row["phase_dir"], row["slice_dir"] = np.eye(3)
    row["idx"]["kspace_encode_step_1"], row["idx"]["kspace_encode_step_2"] = line, partition
    repetition, row["idx"][protocol.counter] = divmod(frame, protocol.volume or frame + 1)
    if protocol.volume:
        row["idx"]["repetition"] = repetition
    if number == protocol.per_frame - 1:
        row["flags"] = ACQ_LAST_IN_SLICE if protocol.shape[1] == 1 else ACQ_LAST_IN_REPETITION
    samples = kspace.data[:, partition, line]
    if protocol.is_epi and line % 2:
        row["flags"] |= np.uint64(ACQ_IS_REVERSE)
        samples = samples[:, ::-1]
    return bytes(data_message(MessageID.ACQUISITION, row.tobytes() + samples.tobytes()).data)


def header_of(protocol: Protocol, n_frames: int) -> bytes:
    """Write the MRD header of so many k-spaces."""
    n_coils, n_partitions, n_lines, n_samples = protocol.shape
    text = header_xml(PhantomScan(matrix=n_lines, n_coils=n_coils, n_slices=protocol.volume or n_frames)).decode()
    size = f"<x>{n_samples}</x><y>{n_lines}</y><z>{n_partitions}</z>"
    text = re.sub(r"<x>\d+</x><y>\d+</y><z>1</z>", size, text)
    span = f"<minimum>0</minimum><maximum>{n_partitions - 1}</maximum><center>{n_partitions // 2}</center>"
    text = re.sub(r"(<kspace_encoding_step_2>).*?(</kspace)", rf"\g<1>{span}\g<2>", text)
    if protocol.volume:
        last = -(-n_frames // protocol.volume) - 1
        limits = f"</slice><repetition><minimum>0</minimum><maximum>{last}</maximum><center>0</center></repetition>"
        return text.replace("</slice>", limits).encode()
    return text.replace("slice>", f"{protocol.counter}>").encode()


def paced(protocol: Protocol, seconds: float) -> Iterator[tuple[float, int, int]]:
    """Give the end of the schedule, its k-spaces numbered from 0.

    Moments up to zero are sent at once: what the first k-space in pace needs, and one more.
    """
    n_groups = -(-protocol.frames // protocol.together)
    end = (n_groups - 1) * protocol.group + protocol.per_frame * protocol.together * protocol.readout
    left_out = max(int((end - seconds) // protocol.group) - 1, 0) * protocol.together
    left_out -= left_out % (protocol.volume or 1)  # whole repetitions: none is missed in the first
    for moment, frame, number in protocol.schedule():
        if frame >= left_out:
            yield moment - max(end - seconds, 0.0), frame - left_out, number
