"""What a node holds: ``python tests/benchmarks/memory.py [receivers lines slices]``.

Runs every node by itself on a phantom and prints the peak of its resident memory over that of the same node on a tiny
scan, in k-spaces: without sparks, and with twelve around the centre of each slice. What the order of acquisition keeps
open counts too: one k-space in the buffer and in the drop-in.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
from chains import scan_messages
from rich.console import Console
from rich.table import Table

from pipelines.messages.messages import CLOSE, MessageID, text_message
from pipelines.phantom.phantom_scan import PhantomScan, header_xml

sys.path.append(str(Path(__file__).parents[1]))
from helpers.paths import ROOT

IN_A_ROW = "acquisition_buffer", "spark_detection", "calibration", "image_fft"
TINY = 32
N_SPARKS = 12
GOALS = {"raw_repair": "5", "acquisition_buffer": "", "spark_detection": "4", "calibration": "4", "image_fft": ""}
RUN_NODE = """
import importlib, re, socket, sys
from pathlib import Path
from gadgetron.external.connection import Connection
node = getattr(importlib.import_module(f"gadgets.{sys.argv[1]}"), sys.argv[1])
with Connection(socket.socket(fileno=int(sys.argv[2]))) as connection:
    node(connection)
print(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def run(node: str, opening: bytes, content: bytes) -> tuple[bytes, float]:
    """Give what a node in a process of its own sends, and its peak memory in bytes."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-c", RUN_NODE, node, str(theirs.fileno())]
    with subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=subprocess.PIPE) as process, ours:
        theirs.close()
        threading.Thread(target=ours.sendall, args=(opening + content,), daemon=True).start()
        received = b"".join(iter(lambda: ours.recv(1 << 20), b""))
        peak, _ = process.communicate()
    return received, 1024 * float(peak)


def sparked(messages: list[bytes], scan: PhantomScan) -> list[bytes]:
    """Add sparks of ripple-to-noise ratio 1 around the centre of each slice, in all receivers."""
    rng = np.random.default_rng(1)
    changed = [bytearray(message) for message in messages]
    size = np.sqrt(scan.matrix * scan.n_samples)  # the noise of a sample is 1
    for number in range(scan.n_slices):
        for _ in range(N_SPARKS):
            line, sample = (round(n / 2 + rng.uniform(-0.05, 0.05) * n) for n in (scan.matrix, scan.n_samples))
            message = changed[number * scan.matrix + line]
            start = len(message) - 8 * scan.n_coils * scan.n_samples  # the samples are the last of a message
            samples = np.frombuffer(message, np.complex64, offset=start)
            gains = np.exp(2j * np.pi * rng.random(scan.n_coils))
            samples.reshape(scan.n_coils, -1)[:, sample] += (size * gains).astype(np.complex64)
    return [bytes(message) for message in changed]


def peaks(scan: PhantomScan, *, with_sparks: bool = False) -> dict[str, float]:
    """Give the peak memory of every node, in bytes."""
    configuration = text_message(MessageID.CONFIG, b"<configuration/>").data
    opening = bytes(configuration) + bytes(text_message(MessageID.HEADER, header_xml(scan)).data)
    messages = scan_messages(scan)
    acquisitions = b"".join(sparked(messages, scan) if with_sparks else messages) + bytes(CLOSE.data)
    found = {"raw_repair": run("raw_repair", opening, acquisitions)[1]}
    content = acquisitions
    for node in IN_A_ROW:
        content, found[node] = run(node, opening, content)
    return found


def main() -> None:
    """Measure and print."""
    n_coils, matrix, n_slices = (int(argument) for argument in (sys.argv[1:] or ["16", "256", "4"]))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    scan = PhantomScan(matrix=matrix, n_coils=n_coils, n_slices=n_slices)
    idle = peaks(PhantomScan(matrix=TINY, n_coils=n_coils, n_slices=n_slices))
    size = 8 * n_coils * matrix * scan.n_samples
    table = Table(title=f"{n_slices} slices, {n_coils} receivers x {matrix} x {scan.n_samples}: k-spaces above idle")
    for heading in ("node", "idle MB", "clean", f"{N_SPARKS} sparks at the centre", "goal with sparks"):
        table.add_column(heading)
    clean, wrong = peaks(scan), peaks(scan, with_sparks=True)
    for node, goal in GOALS.items():
        above = [f"{(peak[node] - idle[node]) / size:.1f}" for peak in (clean, wrong)]
        table.add_row(node, f"{idle[node] / 1e6:.0f}", *above, goal)
    Console().print(table)


if __name__ == "__main__":
    main()
