"""A scan as an archive keeps it: an MRD stream."""

from __future__ import annotations

from helpers.raw_scans import (
    HEADER,
    raw_waveform,
    scan_items,
)

from pipelines.messages import CLOSE, MessageID, data_message, text_message

ITEMS = [*scan_items(n_lines=6), raw_waveform(scan_counter=9)]


def as_messages(items):
    kinds = [MessageID.ACQUISITION if hasattr(item, "trajectory") else MessageID.WAVEFORM for item in items]
    return [bytes(data_message(kind, item.to_bytes()).data) for kind, item in zip(kinds, items, strict=True)]


WHOLE = bytes(text_message(MessageID.HEADER, HEADER).data) + b"".join(as_messages(ITEMS)) + bytes(CLOSE.data)
