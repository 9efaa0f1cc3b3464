"""Small raw scans, as items, as files and as bytes on the wire, and conversations with a host."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from pathlib import Path

from helpers.builders import acquisition, encoding, header_xml, message, waveform

from pipelines.files.raw_items import RawAcquisition, RawWaveform
from pipelines.files.raw_writer import write_raw_file
from pipelines.messages.message_reader import MessageReader
from pipelines.messages.messages import CLOSE, Message, MessageID, data_message, text_message

LIMIT_S = 60.0
ACQ_IS_NOISE_MEASUREMENT = 1 << 18
HEADER = header_xml([encoding()])


def raw_acquisition(line=0, **fields) -> RawAcquisition:
    return RawAcquisition.from_bytes(message(acquisition(line, **fields))[2:])


def raw_waveform(**fields) -> RawWaveform:
    return RawWaveform.from_bytes(message(waveform(**fields))[2:])


def scan_items(n_lines=8, n_slices=1, **fields) -> list[RawAcquisition]:
    """A noise measurement and the lines of each slice."""
    noise = raw_acquisition(flags=ACQ_IS_NOISE_MEASUREMENT, scan_counter=1)
    lines = [
        raw_acquisition(line, slice=number, scan_counter=2 + line + number * n_lines, **fields)
        for number in range(n_slices)
        for line in range(n_lines)
    ]
    return [noise, *lines]


def sparked_items(seed):
    """A scan with something to repair."""
    items = scan_items(n_lines=8, seed=seed)
    data = items[3].data.copy()
    data[:, 2 + seed] += 500
    items[3] = replace(items[3], data=data)
    return items


def make_raw_file(path: Path, items=None, header: bytes = HEADER, group: str = "dataset") -> Path:
    write_raw_file(path, header, scan_items() if items is None else items, group)
    return path


def chain_xml(*targets: str, module="probe_gadgets", writes=("AcquisitionWriter",), configuration="") -> bytes:
    nodes = "".join(
        target
        if target.startswith("<")
        else f'<external><execute name="{module}" target="{target}" type="python"/>{configuration}</external>'
        for target in targets
    )
    writers = "".join(f"<writer><classname>{name}</classname></writer>" for name in writes)
    return (
        "<configuration><version>2</version><readers><reader><classname>AcquisitionReader</classname></reader>"
        "<reader><classname>WaveformReader</classname></reader></readers>"
        f"<writers>{writers}</writers><stream>{nodes}</stream></configuration>"
    ).encode()


def scan_bytes(chain: bytes | Message, items=None, header: bytes = HEADER, close: bytes = bytes(CLOSE.data)) -> bytes:
    opening = chain if isinstance(chain, Message) else text_message(MessageID.CONFIG, chain)
    items = scan_items() if items is None else items
    kinds = [MessageID.ACQUISITION if isinstance(item, RawAcquisition) else MessageID.WAVEFORM for item in items]
    data = b"".join(data_message(kind, item.to_bytes()).data for kind, item in zip(kinds, items, strict=True))
    return bytes(opening.data) + bytes(text_message(MessageID.HEADER, header).data) + data + close


def converse(address: tuple[str, int], outgoing: bytes, *, half_close: bool = False) -> list[Message]:
    """Send bytes to a server and give its messages up to its CLOSE; fails where the server does not end."""
    with socket.create_connection(address, timeout=LIMIT_S) as connection:

        def send() -> None:
            try:
                connection.sendall(outgoing)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        reader = MessageReader(connection, "server")
        messages = [reader.read()]
        while messages[-1].id is not MessageID.CLOSE:
            messages.append(reader.read())
        sender.join(LIMIT_S)
        return messages


def reason_of(messages: list[Message]) -> str:
    """Give the text with which a scan failed; no images or acquisitions count then."""
    assert [message.id for message in messages[-2:]] == [MessageID.TEXT, MessageID.CLOSE]
    return messages[-2].text


class Player:
    """A server that answers a client with recorded bytes, once it has read all that the client sends."""

    def __init__(self, answer: bytes, *, read_first: bool = True, close_at_once: bool = False) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self.host = f"127.0.0.1:{self.address[1]}"
        self.received: list[Message] = []
        self._answer = answer
        self._read_first = read_first
        self._close_at_once = close_at_once
        self._thread = threading.Thread(target=self._play, daemon=True)

    def __enter__(self) -> Player:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._thread.join(LIMIT_S)
        self._listener.close()
        assert not self._thread.is_alive(), "the client did not let go"

    def _play(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            if self._close_at_once:
                return
            connection.settimeout(LIMIT_S)
            if not self._read_first:
                connection.sendall(self._answer)
            reader = MessageReader(connection, "client")
            try:
                while not self.received or self.received[-1].id is not MessageID.CLOSE:
                    self.received.append(reader.read())
            except Exception:  # noqa: BLE001 - a client that gives up is what some tests look for
                return
            if self._read_first:
                connection.sendall(self._answer)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 16):
                pass
