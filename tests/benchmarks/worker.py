"""What a worker saves: ``python tests/benchmarks/worker.py [receivers lines]``.

Streams a phantom of one slice through the embedded host: nodes that are started for the scan, beside the same nodes
in a worker that runs already. The time is from the scan's first byte to its first image. Then fifty scans in a row and
eight at once, several times, with the worker's resident memory.
"""

from __future__ import annotations

import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from pipelines.chains.packaged import packaged_chain
from pipelines.host.host import Host
from pipelines.messages.message_reader import MessageReader
from pipelines.messages.messages import CLOSE, MessageID, data_message, text_message
from pipelines.phantom.phantom_file import acquisitions
from pipelines.phantom.phantom_scan import PhantomScan, header_xml

N_FIRST, N_IN_A_ROW, N_AT_ONCE, N_ROUNDS = 5, 50, 8, 20
BASE_PORT = 9010
SETTLED_S = 0.2


@contextmanager
def running_worker() -> Iterator[int]:
    """Run a worker where the packaged chains look for it; gives its process id."""
    command = [sys.executable, "-m", "pipelines.commands.command_line", "worker", "--port", str(BASE_PORT)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr or ():
            if re.search(r"raw_repair listens", line):
                break
        # Whatever else it says is of no use here, and must not fill its pipe.
        threading.Thread(target=process.communicate, daemon=True).start()
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)


def scan_bytes(scan: PhantomScan, chain: bytes) -> bytes:
    """Write a scan as a client sends it."""
    opening = text_message(MessageID.CONFIG, chain), text_message(MessageID.HEADER, header_xml(scan))
    data = [data_message(MessageID.ACQUISITION, item.to_bytes()) for item in acquisitions(scan)]
    return b"".join(bytes(message.data) for message in (*opening, *data, CLOSE))


def first_image(address: tuple[str, int], content: bytes) -> float:
    """Run a scan to its end and give the seconds until its first image."""
    started, seconds = time.monotonic(), 0.0
    with socket.create_connection(address) as connection:
        sender = threading.Thread(target=connection.sendall, args=(content,), daemon=True)
        sender.start()
        reader = MessageReader(connection, "server")
        while (message := reader.read()).id is not MessageID.CLOSE:
            if message.id is not MessageID.IMAGE:
                raise RuntimeError(f"expected images, found {message.text}")
            seconds = seconds or time.monotonic() - started
        sender.join()
    return seconds


def resident_mb(process: int) -> float:
    """Give the memory of a process, once it has settled."""
    time.sleep(SETTLED_S)
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def main() -> None:
    """Measure and print."""
    n_coils, matrix = (int(argument) for argument in (sys.argv[1:] or ["16", "128"]))
    scan = PhantomScan(matrix=matrix, n_coils=n_coils, n_slices=1)
    started, connected = (scan_bytes(scan, packaged_chain(f"spark_calibration{end}").xml) for end in ("", "_connect"))
    with running_worker() as process, Host() as host:
        seconds = [
            np.median([first_image(host.address, content) for _ in range(N_FIRST)]) for content in (started, connected)
        ]
        row = []
        for _ in range(N_IN_A_ROW):
            first_image(host.address, connected)
            row.append(resident_mb(process))
        rounds = []
        for _ in range(N_ROUNDS):
            with ThreadPoolExecutor(N_AT_ONCE) as pool:
                list(pool.map(first_image, [host.address] * N_AT_ONCE, [connected] * N_AT_ONCE))
            rounds.append(resident_mb(process))
    table = Table("what", "value", title=f"{n_coils} receivers x {matrix} x {scan.n_samples}, one slice")
    table.add_row("first image, nodes started for the scan", f"{seconds[0]:.3f} s")
    table.add_row("first image, nodes in a worker", f"{seconds[1]:.3f} s ({seconds[0] / seconds[1]:.0f} times sooner)")
    table.add_row("memory after scan 5 and 50", f"{row[4]:.0f} and {row[-1]:.0f} MB ({row[-1] / row[4]:.3f})")
    table.add_row(
        f"memory after {N_AT_ONCE} at once, {N_ROUNDS} times",
        f"{rounds[0]:.0f} MB at first, at most {max(rounds):.0f}, {rounds[-1]:.0f} at last",
    )
    Console().print(table)


if __name__ == "__main__":
    main()
