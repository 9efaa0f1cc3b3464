"""Does despark keep the scanner's pace? ``python tests/benchmarks/pace.py [protocol …] [--seconds S] [--limit S]``.

Sends acquisitions at the moments at which a scanner would send them, and takes the time from the last readout of a
k-space to its image, or to its repaired data. The end of each scan is sent so, and at once what comes before it.
Without a name all protocols but the 3D one are run, which takes some ten gigabytes. Backlog is how many k-spaces are in
the nodes when one is complete. Processor time is that of a k-space in all nodes, or in the worker: whatever else the
machine does, it has to stay below the time between k-spaces, times the cores.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from chains import nodes_of, state_of
from protocols import PROTOCOLS, SPARKS, Protocol, header_of, kspaces_of, message_of, paced
from rich.console import Console
from rich.table import Table
from worker import running_worker

from gadgets.process import cores
from pipelines.chains import Trust
from pipelines.chains.packaged import find_chain
from pipelines.host.host import Host
from pipelines.messages import CLOSE, MessageID, MessageReader, text_message

LEAD_S = 3.0
"""Seconds for the nodes to start and to take in what was sent at once."""
RAW_REPAIR_PORT = 9014
HEADINGS = ("chain", "sparks", "median", "95 %", "worst", "backlog", "cut short", "processor", "MB")


@dataclass
class Watch:
    """What was seen of one scan: when k-spaces were complete on the scanner, and when they came back.

    ``states`` are processor seconds and peak megabytes of every process, before the part in pace and at its end.
    """

    due: list[float]
    answers: list[float]
    states: list[list[tuple[float, float]]]

    def row(self, records: list[str]) -> list[str]:
        """Sum up the part that was sent in pace; `records` are those of detection, of all k-spaces."""
        numbers = [number for number, moment in enumerate(self.due) if moment]
        waits = np.array([self.answers[number] - self.due[number] for number in numbers])
        backlog = max(number + 1 - int(np.searchsorted(self.answers, self.due[number])) for number in numbers)
        before, after = (np.sum(state, axis=0) for state in (self.states[0], self.states[-1]))
        n_cut = sum("cut short" in json.loads(record)["warning"] for record in records)
        latencies = [f"{1e3 * value:.0f}" for value in (*np.quantile(waits, (0.5, 0.95)), waits.max())]
        share = f"{100 * n_cut / max(len(records), 1):.0f} %"
        return [*latencies, str(backlog), share, f"{1e3 * (after - before)[0] / len(numbers):.0f}", f"{after[1]:.0f}"]


def run(protocol: Protocol, sparks: str, name: str, chain: bytes, seconds: float, worker: int | None) -> Watch:
    """Send a scan, its last seconds at the scanner's pace."""
    clean, wrong = kspaces_of(protocol, sparks)
    per_answer = protocol.per_frame if name == "repair_raw" else 1
    schedule = list(paced(protocol, seconds))
    n_kspaces = len(schedule) // protocol.per_frame
    watch, n_back = Watch([], [], []), 0
    with Host(trust=Trust(is_whole=True)) as host, socket.create_connection(host.address) as connection:
        header = text_message(MessageID.HEADER, header_of(protocol, n_kspaces))
        opening = text_message(MessageID.CONFIG, chain).data + header.data

        def state_now() -> list[tuple[float, float]]:
            return [state_of(each) for each in ([worker] if worker else nodes_of(os.getpid()))]

        def send() -> None:
            connection.sendall(opening)
            start = None
            for moment, frame, number in schedule:
                if moment > 0:
                    start = start or time.perf_counter() + LEAD_S
                    time.sleep(max(start + moment - time.perf_counter(), 0))
                    watch.states = watch.states or [state_now()]
                repetition = frame // (protocol.volume or len(schedule))
                has_sparks = wrong and frame % SPARKS[sparks][1] == 0
                content = wrong[frame % len(wrong)] if has_sparks else clean[repetition % len(clean)]
                connection.sendall(message_of(protocol, content, frame, number))
                if number == protocol.per_frame - 1:
                    watch.due.append(start + moment if start else 0.0)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        reader = MessageReader(connection, "server")
        while (message := reader.read()).id is not MessageID.CLOSE:
            if message.id is MessageID.ERROR:
                raise SystemExit(message.text)
            n_back += 1
            if n_back % per_answer == 0:
                watch.answers.append(time.perf_counter())
                if len(watch.answers) == n_kspaces:
                    watch.states.append(state_now())
                    connection.sendall(CLOSE.data)  # not before: nodes that have ended tell nothing more
        sender.join()
    return watch


def chain_of(name: str, report: Path, limit: float | None, *, in_worker: bool) -> bytes:
    """Give the document of a chain, its nodes started for the scan or those of a worker."""
    if not in_worker:
        limits = [f"{node}.time_limit={limit}" for node in ("spark_detection", "calibration") if limit]
        return find_chain(name).with_settings([f"spark_detection.report={report}", *limits]).xml
    if name == "spark_calibration":
        return find_chain("spark_calibration_connect").xml
    connect = b'<connect address="127.0.0.1" port="%d"/>' % RAW_REPAIR_PORT
    document, n_nodes = re.subn(b"<execute [^>]*/>", connect, find_chain(name).xml)
    assert n_nodes == 1, f"expected one node in {name}, found {n_nodes}"
    return document


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [each.name for each in PROTOCOLS]
    parser.add_argument("protocols", nargs="*", metavar="protocol", help=f"of {', '.join(names)}")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each scan that are sent in pace")
    parser.add_argument("--worker", action="store_true", help="nodes of a worker in place of those that a scan starts")
    parser.add_argument("--limit", type=float, help="of time that detection, and repair, take with a k-space; in s")
    asked = parser.parse_args()
    if asked.limit and asked.worker:
        parser.error("expected --limit or --worker, found both: a worker's nodes have settings of their own")
    wanted = asked.protocols or [name for name in names if name != "3D"]
    if not set(wanted) <= set(names):
        parser.error(f"expected protocols of {names}, found {wanted}")
    os.environ["DESPARK_RECORD"] = "off"  # these are no scans that anybody wants to find in the log
    with ExitStack() as held:
        report = Path(held.enter_context(tempfile.TemporaryDirectory())) / "report.json"
        report.touch()
        os.environ["DESPARK_SPARK_DETECTION_REPORT"] = str(report)  # where a worker looks
        worker = held.enter_context(running_worker()) if asked.worker else None
        for protocol in (each for each in PROTOCOLS if each.name in wanted):
            every = 1e3 * protocol.group / protocol.together
            size = " x ".join(map(str, protocol.shape))
            title = f"{protocol.name}: {size}, one k-space in {every:.0f} ms, {cores()} cores; times in ms"
            table = Table(*HEADINGS, title=title)
            for name, sparks in product(("repair_raw", "spark_calibration"), SPARKS):
                n_before = len(report.read_text().splitlines())
                chain = chain_of(name, report, asked.limit, in_worker=asked.worker)
                watch = run(protocol, sparks, name, chain, asked.seconds, worker)
                table.add_row(name, sparks, *watch.row(report.read_text().splitlines()[n_before:]))
            Console(width=110).print(table)


if __name__ == "__main__":
    main()
