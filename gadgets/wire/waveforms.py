"""Waveforms, and the records of the method that travel in them.

A record is JSON text in UTF-8, cut into pieces that fit MRD's 65535 samples per waveform. Each piece is a waveform
of one channel of uint32: four words (mark, number of the piece, number of pieces, bytes in the piece), then the
bytes, filled up with zeros.
"""

from __future__ import annotations

import json
import struct
from typing import TypeVar

from pydantic import ValidationError

from gadgets.errors import RawDataError
from gadgets.outside import memory_limit
from gadgets.records import Assembly, Calibration, Detection, Original, Record
from gadgets.wire.outgoing import Bytes
from gadgets.wire.transport import MESSAGE_ID, Transport

WAVEFORM = 1026
_ID = MESSAGE_ID.pack(WAVEFORM)
# MRD's: version, flags, measurement, scan counter, time stamp, samples, channels, sample time, waveform id.
_HEADER = struct.Struct("<H6xQIIIHHfH2x")
WAVEFORM_HEADER_BYTES = _HEADER.size
_PIECE = struct.Struct("<4sIII")
# Ids from 1024 on belong to everybody: only the mark tells that a waveform of our id is ours.
_MARK = b"DSPK"
# A waveform's header counts its samples in 16 bits.
_MAX_PIECE_BYTES = 65535 * 4 - _PIECE.size
# A record of a million points has some 150 million bytes; more pieces than this are no record.
_MAX_PIECES = 4096
_SHARE = 16
"""Texts of records that wait for a ReconData may have this part of a scan's memory: read, they take ten times that."""

WAVEFORM_IDS: dict[type[Record], int] = {Detection: 1100, Calibration: 1101, Assembly: 1102, Original: 1103}
_RECORDS = {number: record for record, number in WAVEFORM_IDS.items()}
RecordT = TypeVar("RecordT", bound=Record)


class Waveform:
    """One waveform as it came: the bytes of its header and of its samples."""

    __slots__ = ("header", "samples", "waveform_id")

    def __init__(self, header: Bytes, samples: Bytes) -> None:
        self.header = header
        self.samples = samples
        self.waveform_id = int(_HEADER.unpack(header)[8])


def waveform_bytes(header: Bytes) -> int:
    """Tell how many bytes of samples follow a waveform's header."""
    fields = _HEADER.unpack(header)
    return 4 * int(fields[5]) * int(fields[6])


def read_waveform(source: Transport) -> Waveform:
    """Read a waveform; its id has been read."""
    header = source.read(WAVEFORM_HEADER_BYTES)
    n_bytes = waveform_bytes(header)
    return Waveform(header, source.read(n_bytes) if n_bytes else b"")


def write_waveform(destination: Transport, waveform: Waveform) -> None:
    """Write a waveform with its id."""
    destination.write(_ID, waveform.header, waveform.samples)


def is_original(content: bytes | bytearray) -> bool:
    """Tell whether a waveform's bytes hold the record that k-spaces follow as they were acquired."""
    return int(_HEADER.unpack_from(content)[8]) == WAVEFORM_IDS[Original]


def waveforms_of(record: Record, scan_counter: int = 0, time_stamp: int = 0) -> list[Waveform]:
    """Pack a record into waveforms.

    Parameters
    ----------
    record
        What is to travel.
    scan_counter, time_stamp
        Of the k-space that it belongs to.
    """
    waveform_id = WAVEFORM_IDS[type(record)]
    # Infinite magnitudes survive json.dumps, where pydantic would write null.
    text = json.dumps(record.model_dump(mode="json")).encode()
    pieces = [text[start : start + _MAX_PIECE_BYTES] for start in range(0, len(text), _MAX_PIECE_BYTES)]
    waveforms = []
    for number, piece in enumerate(pieces):
        samples = _PIECE.pack(_MARK, number, len(pieces), len(piece)) + piece + bytes(-len(piece) % 4)
        header = _HEADER.pack(1, 0, 0, scan_counter, time_stamp, len(samples) // 4, 1, 0.0, waveform_id)
        waveforms.append(Waveform(header, samples))
    return waveforms


class RecordCollector:
    """Puts the records back together that came before a ReconData.

    Parameters
    ----------
    kinds
        Those that are asked for; all others pass, as nobody would take them out again.
    most
        Bytes of text that may wait.
    """

    def __init__(self, *kinds: type[Record], most: int | None = None) -> None:
        self._ids = [number for number, kind in _RECORDS.items() if kind in kinds or not kinds]
        self._pieces: dict[int, list[bytes]] = {}
        self._records: list[Record] = []
        self._n_bytes, self._most = 0, memory_limit() // _SHARE if most is None else most

    def add(self, waveform: Waveform) -> bool:
        """Take a waveform if it holds a record, and tell whether it was taken.

        Raises
        ------
        RawDataError
            The record is damaged; or there are more than may wait, and all of them are dropped.
        """
        piece = _unpack(waveform) if waveform.waveform_id in self._ids else None
        if piece is None:
            return False
        number, n_pieces, content = piece
        self._n_bytes += len(content)
        if self._n_bytes > self._most:
            self._n_bytes = 0
            self._pieces, self._records = {}, []
            raise RawDataError(f"expected records of at most {self._most} bytes before a ReconData, found more")
        # Piece 0 begins anew, so a record that was broken off is dropped. What was there is taken out before it is
        # judged: a damaged record must not be continued.
        pieces = self._pieces.pop(waveform.waveform_id, []) if number else []
        if number != len(pieces) or not 0 < n_pieces <= _MAX_PIECES or number >= n_pieces:
            raise RawDataError(
                f"expected piece {len(pieces)} of a record in waveform {waveform.waveform_id}, "
                f"found piece {number} of {n_pieces}"
            )
        pieces.append(content)
        if len(pieces) == n_pieces:
            self._records.append(_parse(b"".join(pieces), waveform.waveform_id))
        else:
            self._pieces[waveform.waveform_id] = pieces
        return True

    def take(self, kind: type[RecordT]) -> list[RecordT]:
        """Give the records of one kind that have come, in order, and forget them."""
        taken = [record for record in self._records if isinstance(record, kind)]
        # Records belong to the next ReconData alone: kept, they would be matched with one more.
        self._records = [record for record in self._records if not isinstance(record, kind)]
        if not self._records:
            self._n_bytes = sum(len(piece) for pieces in self._pieces.values() for piece in pieces)
        return taken


def _unpack(waveform: Waveform) -> tuple[int, int, bytes] | None:
    samples = memoryview(waveform.samples)
    # Not an error: waveforms of others pass as they came, whatever their id.
    if waveform.waveform_id not in _RECORDS or samples.nbytes < _PIECE.size:
        return None
    mark, number, n_pieces, n_bytes = _PIECE.unpack(samples[: _PIECE.size])
    if mark != _MARK or n_bytes > samples.nbytes - _PIECE.size:
        return None
    return number, n_pieces, bytes(samples[_PIECE.size : _PIECE.size + n_bytes])


def _parse(text: bytes, waveform_id: int) -> Record:
    kind = _RECORDS[waveform_id]
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise RawDataError(f"waveform {waveform_id} holds no {kind.__name__} record: {error}") from error
