"""Messages read whole: fields are looked at, and every byte is kept."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from gadgets.errors import WireError
from gadgets.wire.outgoing import Bytes
from gadgets.wire.transport import COUNT, PRESENT, Transport

# ReconData have seven dimensions; a damaged count is nearly always far beyond.
MAX_DIMENSIONS = 16


@dataclass(frozen=True, eq=False)
class RawMessage:
    """A message that passes whole: its id and, in pieces, every byte that followed."""

    message_id: int
    parts: tuple[Bytes, ...]


class Capture:
    """Reads the fields of one message and keeps all bytes that were read."""

    def __init__(self, source: Transport) -> None:
        self._source = source
        self.parts: list[Bytes] = []

    def take(self, n_bytes: int) -> Bytes:
        """Read so many bytes."""
        self.parts.append(self._source.read(n_bytes) if n_bytes else b"")
        return self.parts[-1]

    def count(self) -> int:
        """Read a 64-bit count."""
        return int(COUNT.unpack(self.take(COUNT.size))[0])

    def is_present(self) -> bool:
        """Read the byte before something optional."""
        return bool(PRESENT.unpack(self.take(PRESENT.size))[0])

    def array(self, item_bytes: int) -> tuple[tuple[int, ...], Bytes]:
        """Read an array: its dimensions, first one fastest, and its content.

        Raises
        ------
        WireError
            It has too many dimensions or elements to be an array of a scan.
        """
        n_dimensions = self.count()
        if n_dimensions > MAX_DIMENSIONS:
            raise WireError(f"expected an array of at most {MAX_DIMENSIONS} dimensions, found {n_dimensions}")
        dimensions: tuple[int, ...] = struct.unpack(f"<{n_dimensions}Q", self.take(n_dimensions * COUNT.size))
        # Multiplied as Python's integers: in 64 bits, damaged lengths could wrap round to a size that looks right. One
        # length of 0 makes an array empty and the others no smaller.
        if item_bytes * math.prod(max(length, 1) for length in dimensions) > self._source.max_bytes:
            raise WireError(
                f"expected an array of at most {self._source.max_bytes} bytes, found dimensions {dimensions}"
            )
        return dimensions, self.take(item_bytes * math.prod(dimensions))

    def message(self, message_id: int) -> RawMessage:
        """Give all that was read as a message."""
        return RawMessage(message_id, tuple(self.parts))
