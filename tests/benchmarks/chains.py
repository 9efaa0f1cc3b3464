"""How much of a scan's time despark takes: ``python tests/benchmarks/chains.py [receivers lines slices]``.

Streams a phantom through the embedded host and compares chains in one run. Between the first and the last slice,
so that neither the start of the nodes nor the first k-space counts:

- the four nodes beside the two that make an image without repair;
- the drop-in beside the pass-through of the ``gadgetron`` package;
- how long the image of a slice takes from the last readout on, as on a scanner, where the others came in good time.

Processor time is that of all nodes; memory is by how much the peak of any node grows meanwhile.
"""

from __future__ import annotations

import os
import socket
import statistics
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype
from rich.console import Console
from rich.table import Table

from gadgets.kspace.readout import ACQ_LAST_IN_MEASUREMENT, ACQ_LAST_IN_REPETITION
from pipelines.chains.packaged import packaged_chain
from pipelines.host.host import Host
from pipelines.messages.message_reader import MessageReader
from pipelines.messages.messages import CLOSE, MessageID, data_message, text_message
from pipelines.phantom.phantom_file import acquisitions
from pipelines.phantom.phantom_scan import PhantomScan, header_xml

sys.path.append(str(Path(__file__).parents[1]))
from helpers.paths import PROBES

ROUNDS = 2
PAUSE = 0.5
"""Seconds for a chain to take in what it was sent."""
FOUR = packaged_chain("spark_calibration").xml
REPAIR_RAW = packaged_chain("repair_raw").xml
PASS_THROUGH = REPAIR_RAW.replace(b"gadgets.raw_repair", b"probe_gadgets").replace(b'"raw_repair"', b'"pass_on"')


def _without(xml: bytes, *nodes: str) -> bytes:
    for node in nodes:
        line = next(line for line in xml.splitlines(keepends=True) if f'target="{node}"'.encode() in line)
        xml = xml.replace(line, b"")
    return xml


CHAINS = {
    "buffer, FFT": _without(FOUR, "spark_detection", "calibration"),
    "four nodes": FOUR,
    "pass-through of the package": PASS_THROUGH,
    "repair_raw": REPAIR_RAW,
}
WITH_IMAGES = ("buffer, FFT", "four nodes")


@dataclass(frozen=True)
class Run:
    """What a scan took per slice, in seconds on the wall and of processors, and by how many MB a node grew."""

    seconds: float
    processor: float
    memory: float


def scan_messages(scan: PhantomScan) -> list[bytes]:
    """Write the acquisitions of a scan as they go over the wire; all its slices are alike."""
    contents = [bytearray(item.to_bytes()) for item in acquisitions(replace(scan, n_slices=1, n_noise=0))]
    messages = []
    for number in range(scan.n_slices):
        for content in contents:
            head = np.frombuffer(content, acquisition_header_dtype, count=1)
            head["idx"]["slice"] = number
            head["flags"] &= ~np.uint64(ACQ_LAST_IN_REPETITION | ACQ_LAST_IN_MEASUREMENT)
            messages.append(bytes(data_message(MessageID.ACQUISITION, bytes(content)).data))
    return messages


def stream(chain: bytes, header: bytes, messages: list[bytes], n_slices: int) -> Run:
    """Send a scan through a chain and watch its nodes from the first slice that comes back to the last."""
    per_slice = 1 if b"image_fft" in chain else len(messages) // n_slices
    marks = []
    with Host() as host, socket.create_connection(host.address) as connection:
        connection.sendall(text_message(MessageID.CONFIG, chain).data + text_message(MessageID.HEADER, header).data)
        sender = threading.Thread(target=lambda: [connection.sendall(each) for each in messages], daemon=True)
        sender.start()
        reader = MessageReader(connection, "server")
        n_back = 0
        while n_back < per_slice * n_slices:
            message = reader.read()
            if message.id is CLOSE.id:
                raise SystemExit(f"the scan ended after {n_back} messages")
            n_back += message.id in (MessageID.ACQUISITION, MessageID.IMAGE)
            if n_back in (per_slice, per_slice * n_slices):
                marks.append((time.perf_counter(), [state_of(node) for node in nodes_of(os.getpid())]))
        sender.join()
        connection.sendall(CLOSE.data)
        while reader.read().id is not CLOSE.id:
            pass
    (start, before), (stop, after) = marks
    pairs = list(zip(before, after, strict=True))
    seconds, processor = stop - start, sum(late[0] - early[0] for early, late in pairs)
    return Run(seconds / (n_slices - 1), processor / (n_slices - 1), max(late[1] - early[1] for early, late in pairs))


def last_readout_to_image(chain: bytes, header: bytes, messages: list[bytes], n_slices: int) -> float:
    """Send slice by slice, and give the median of what the images take after their last readouts, in seconds."""
    per_slice = len(messages) // n_slices
    waits = []
    with Host() as host, socket.create_connection(host.address) as connection:
        connection.sendall(text_message(MessageID.CONFIG, chain).data + text_message(MessageID.HEADER, header).data)
        reader = MessageReader(connection, "server")
        for start in range(0, len(messages), per_slice):
            connection.sendall(b"".join(messages[start : start + per_slice - 1]))
            time.sleep(PAUSE)
            sent = time.perf_counter()
            connection.sendall(messages[start + per_slice - 1])
            while reader.read().id != MessageID.IMAGE:
                pass
            waits.append(time.perf_counter() - sent)
        connection.sendall(CLOSE.data)
        while reader.read().id is not CLOSE.id:
            pass
    return statistics.median(waits[1:])  # the first one waits for the nodes to start


def nodes_of(parent: int) -> list[int]:
    """Give the processes of the nodes that another process runs: the fork server that it has started forks them."""
    return sorted(node for server in _children(parent) for node in _children(server))


def _children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def state_of(process: int) -> tuple[float, float]:
    """Give the seconds of processor time that a process has used, and the most memory that it has held, in MB."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    peak = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak


def measure(scan: PhantomScan) -> dict[str, Run]:
    """Give the best of some rounds for every chain; of the memory the worst."""
    header, messages = header_xml(scan), scan_messages(scan)
    best: dict[str, Run] = {}
    for _ in range(ROUNDS):
        for name, chain in CHAINS.items():
            run = stream(chain, header, messages, scan.n_slices)
            known = best.get(name, run)
            best[name] = Run(
                min(run.seconds, known.seconds), min(run.processor, known.processor), max(run.memory, known.memory)
            )
    return best


def main() -> None:
    """Measure and print."""
    n_coils, matrix, n_slices = (int(argument) for argument in (sys.argv[1:] or ["16", "256", "20"]))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(PROBES), os.environ.get("PYTHONPATH", "")])
    scan = PhantomScan(matrix=matrix, n_coils=n_coils, n_slices=n_slices)
    runs = measure(scan)
    table = Table(title=f"{n_slices} slices, {n_coils} receivers x {matrix} x {scan.n_samples}, {os.cpu_count()} cores")
    for heading in ("chain", "s/slice", "ratio", "processor s/slice", "ratio", "MB growth"):
        table.add_column(heading)
    for name, run in runs.items():
        peer = runs["buffer, FFT" if name == "four nodes" else "pass-through of the package"]
        peer = run if name == "buffer, FFT" else peer
        ratios = f"{run.seconds / peer.seconds:.2f}", f"{run.processor / peer.processor:.2f}"
        table.add_row(name, f"{run.seconds:.3f}", ratios[0], f"{run.processor:.3f}", ratios[1], f"{run.memory:.0f}")
    Console().print(table)
    header, messages = header_xml(scan), scan_messages(scan)
    waits = {name: last_readout_to_image(CHAINS[name], header, messages, n_slices) for name in WITH_IMAGES}
    plain, repaired = (waits[name] for name in WITH_IMAGES)
    Console().print(
        f"last readout to image: {plain:.3f} s without repair, {repaired:.3f} s with: {repaired / plain:.2f}"
    )


if __name__ == "__main__":
    main()
