"""What any bytes are given to: each target takes them, or refuses them with an error of ours, and does nothing else."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

from helpers.builders import acquisition, encoding
from helpers.connections import parse
from helpers.mrd2_scans import acquisition as mrd2_acquisition
from helpers.mrd2_scans import make_header, to_bytes
from helpers.mrd2_scans import scan as mrd2_scan
from helpers.raw_scans import HEADER, chain_xml, make_raw_file, raw_waveform, scan_bytes, scan_items
from mrd import StreamItem

from gadgets.errors import DesparkError
from gadgets.wire import cells_of, encodings_of, facts_of
from gadgets.wire.header import xsd_header
from gadgets.wire.recon_data import ReconData
from pipelines.chains import OURS, packaged_chain, parse_chain
from pipelines.files import RawFile, mended, read_header
from pipelines.messages import MessageReader
from pipelines.replay.mrd2_stream import open_mrd2

MOST_BYTES = 1 << 20
ENCODINGS = (encoding(),)


class _Bytes:
    """A source of bytes, in pieces."""

    def __init__(self, content: bytes) -> None:
        self._stream = io.BytesIO(content)

    def recv(self, size: int) -> bytes:
        return self._stream.read(min(size, 1000))

    def gettimeout(self) -> None:
        return None

    def fileno(self) -> int:
        return -1


def wire(content: bytes) -> None:
    """The messages of a client, as the host and as a node read them."""
    reader = MessageReader(_Bytes(content), "somebody", MOST_BYTES)
    with contextlib.suppress(DesparkError):
        while True:
            reader.read()
    with contextlib.suppress(DesparkError):
        parse(content, as_node=True)


def chain(content: bytes) -> None:
    """A configuration, as the host judges it."""
    found = parse_chain(content, "somebody")
    found.check_runnable()
    OURS.check_chain(found)
    found.check_settings()


def header(content: bytes) -> None:
    """An MRD header, as the host mends it and a node reads it."""
    read_header(content, "somebody")
    parsed = xsd_header(mended(content, "somebody"))
    encodings_of(parsed)
    facts_of(parsed)


def recon_data(content: bytes) -> None:
    """The body of a ReconData, and the k-spaces in it."""
    for _, item in parse(b"\xff\x03" + content + b"\4\0", as_node=True):
        if isinstance(item, ReconData):
            cells_of(item, ENCODINGS)


def hdf5(content: bytes) -> None:
    """A raw file."""
    with tempfile.NamedTemporaryFile(suffix=".h5") as file:
        Path(file.name).write_bytes(content)
        with RawFile(file.name) as raw:
            for _ in raw:
                pass


def mrd2(content: bytes) -> None:
    """A stream of MRD version 2."""
    source, sink = os.memfd_create("source"), os.open(os.devnull, os.O_WRONLY)
    try:
        os.write(source, content)
        os.lseek(source, 0, os.SEEK_SET)
        stream = open_mrd2(source, sink, packaged_chain("repair_raw"))
        stream.read_header()
        while stream.read(lambda _: None).data[:2] != b"\4\0":
            pass
    finally:
        os.close(source)
        os.close(sink)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (wire, chain, header, recon_data, hdf5, mrd2)
}


def run(name: str, content: bytes) -> None:
    """Give bytes to a target; what it refuses with an error of ours is well."""
    with contextlib.suppress(DesparkError):
        TARGETS[name](content)


def seeds(name: str) -> list[bytes]:
    """Give something that the target takes, to begin with."""
    scan = scan_bytes(chain_xml("pass_on"), [*scan_items(n_lines=2), raw_waveform()])
    if name == "hdf5":
        with tempfile.TemporaryDirectory() as folder:
            items = [*scan_items(n_lines=2), raw_waveform()]
            return [make_raw_file(Path(folder) / "raw.h5", items).read_bytes()]
    return {
        "wire": [scan, struct.pack("<HQ", 1023, 1) + _recon_data(), struct.pack("<H", 1050) + bytes(104)],
        "chain": [packaged_chain(each).xml for each in ("repair_raw", "spark_calibration", "repair_raw_default")],
        "header": [HEADER],
        "recon_data": [struct.pack("<Q", 1) + _recon_data()],
        "mrd2": [
            to_bytes([mrd2_scan()[0], StreamItem.Acquisition(mrd2_acquisition(0, n_coils=1))], make_header(8, 16))
        ],
    }[name]


def _recon_data() -> bytes:
    """One bit of a ReconData: 2 receivers, 2 lines of 4 samples."""
    data = struct.pack("<8Q", 7, 4, 2, 1, 2, 1, 1, 1) + bytes(8 * 4 * 2 * 2)
    headers = b"".join(acquisition(line, n_samples=4).header for line in range(2))
    return data + b"\0\0" + struct.pack("<6Q", 5, 2, 1, 1, 1, 1) + headers + bytes(56) + b"\0"
