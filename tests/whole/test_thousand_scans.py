"""A thousand scans through ``despark serve`` and ``despark worker``, eight clients at once, a fault in every tenth.

Every image and every acquisition has to be that of a lone run, and the servers as small as before. A sample of it
each time; all of it where it is asked for (``pytest -m soak --log-cli-level=INFO tests/whole``).
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers.clients.bad import FAULTS
from helpers.connections import descendants, wait_until
from helpers.raw_scans import LIMIT_S, chain_xml, converse, scan_bytes, sparked_items

from pipelines.messages import Message, MessageID, text_message

logger = logging.getLogger(__name__)

N_CLIENTS = 8
N_KINDS = 5
N_SAME = 15
NOTHING_SOUGHT = '<configuration><property name="spark_detection.method" value="none"/></configuration>'
DROP_IN = f'<external><execute name="gadgets.raw_repair" target="raw_repair" type="python"/>{NOTHING_SOUGHT}</external>'
STAGES = ("acquisition_buffer", "spark_detection", "calibration", "image_fft")
RESIDENT_KB = re.compile(r"VmRSS:\s+(\d+)")


class Size(NamedTuple):
    """How much of the system a server has."""

    descriptors: int
    threads: int
    children: int
    resident_mb: float


class Server:
    """A server of its own, whose log says where it listens."""

    def __init__(self, log: Path, *words: str) -> None:
        self._log = log
        command = [
            sys.executable,
            "-m",
            "pipelines.commands.command_line",
            *words,
            "--port",
            "0",
            "--stall-limit",
            "10",
        ]
        # One thread for each scan: how many cores are free, and so how many threads a worker keeps, is up to others.
        environment = {**os.environ, "DESPARK_SPARK_DETECTION_THREADS": "1", "DESPARK_CALIBRATION_THREADS": "1"}
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, stderr=output, env=environment)

    def address(self, name: str) -> tuple[str, int]:
        pattern = re.compile(rf"{name} on 127\.0\.0\.1:(\d+)")
        return "127.0.0.1", int(wait_until(lambda: pattern.search(self.log()))[1])

    def log(self) -> str:
        assert self.process.poll() is None, self._log.read_text()
        return self._log.read_text()

    def size(self) -> Size:
        folder = Path(f"/proc/{self.process.pid}")
        resident = int(RESIDENT_KB.search((folder / "status").read_text())[1]) / 1024
        counts = (len(list((folder / name).iterdir())) for name in ("fd", "task"))
        return Size(*counts, len(descendants(self.process.pid)), resident)


@dataclass(frozen=True)
class Door:
    """A way in: where to, and what opens a scan."""

    address: tuple[str, int]
    opening: Message

    def scan(self, seed: int) -> bytes:
        return scan_bytes(self.opening, sparked_items(seed))

    def answer(self, seed: int) -> list[bytes]:
        return [bytes(message.data) for message in converse(self.address, self.scan(seed))]


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("servers")
    with contextlib.ExitStack() as stack:

        def start(name, *words):
            server = Server(folder / f"{name}.log", name, *words)
            stack.callback(server.process.wait)
            stack.callback(server.process.send_signal, signal.SIGTERM)
            return server

        worker = start("worker")
        ports = {name: worker.address(f"{name} listens")[1] for name in (*STAGES, "raw_repair")}
        allowed = [word for port in ports.values() for word in ("--allow-address", f"127.0.0.1:{port}")]
        yield start("serve", "--scans", "24", *allowed), worker, ports


@pytest.fixture(scope="module")
def doors(servers):
    host, _, ports = servers
    stages = [f'<external><connect address="127.0.0.1" port="{ports[name]}"/></external>' for name in STAGES]
    address = host.address("listening")
    return (
        Door(address, text_message(MessageID.CONFIG, chain_xml(*stages, writes=("ImageWriter",)))),
        Door(("127.0.0.1", ports["raw_repair"]), text_message(MessageID.CONFIG, "<configuration/>")),
        Door(address, text_message(MessageID.CONFIG, chain_xml(DROP_IN))),
    )


def kill_a_node(host):
    """Kill whatever node the host has: all data of its scan come back all the same, and the reason."""
    # The newest; where none runs now, that is the server which forks them, and the next scan gets another one.
    for pid in sorted(descendants(host.process.pid))[-1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_as_alone(answer, alone):
    """Whether all came back as it does alone, in its order; beside it only the reason of a node that was killed."""
    told = [message for message in answer if message[:2] == b"\5\0"]
    data = [message for message in answer if message not in told]
    return data == alone and all(b"killed by SIGKILL" in message for message in told)


def settled(*servers):
    """Give the sizes of servers once they do not change any more: what is left of a scan may take a moment to go."""
    sizes = []
    end = time.monotonic() + LIMIT_S
    while len(sizes) < N_SAME or len({tuple(size[:3] for size in both) for both in sizes[-N_SAME:]}) > 1:
        assert time.monotonic() < end, f"they go on changing: {sizes[-N_SAME:]}"
        time.sleep(0.2)
        sizes.append([server.size() for server in servers])
    return sizes[-1]


@pytest.mark.parametrize("n_scans", [30, pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(7200)])])
def test_scans_with_faults_among_them(servers, doors, n_scans):
    host, worker, _ = servers
    alone = {(door, kind): door.answer(kind) for door in doors for kind in range(N_KINDS)}
    assert all(len(answer) > 1 for answer in alone.values())
    with ThreadPoolExecutor(N_CLIENTS) as clients:
        # As many at once as later: a server starts its threads when they are needed, and keeps them.
        list(clients.map(lambda number: doors[number % len(doors)].answer(0), range(2 * N_CLIENTS)))
    before = settled(host, worker)
    started = time.monotonic()

    def run(number):
        door, kind = doors[number % len(doors)], number % N_KINDS
        if number % 10 == 9:
            # As many faults of clients as there are, and one of a node.
            fault = (*FAULTS, None)[number // 10 % (len(FAULTS) + 1)]
            if fault is not None:
                fault(door.address, door.scan(kind))
                return True
            kill_a_node(host)
        return is_as_alone(door.answer(kind), alone[door, kind])

    with ThreadPoolExecutor(N_CLIENTS) as clients:
        results = list(clients.map(run, range(n_scans)))
    seconds = time.monotonic() - started
    after = settled(host, worker)
    logger.info("%d scans in %.0f s, before %s, after %s", n_scans, seconds, before, after)
    assert [number for number, is_right in enumerate(results) if not is_right] == []
    assert "Traceback" not in host.log() + worker.log()
    assert [now[:3] for now in after] == [then[:3] for then in before]
    assert all(now.resident_mb < then.resident_mb + 100 for now, then in zip(after, before, strict=True))
