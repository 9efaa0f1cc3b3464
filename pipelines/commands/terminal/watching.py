"""How ``despark serve`` and ``worker`` are watched, and told to stop."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Annotated, Literal

import typer

from pipelines.commands.terminal.unread import LOOK_S, wait_for_no_reader
from pipelines.monitoring import Endpoint, Metrics

LogFormat = Annotated[Literal["text", "json"], typer.Option(help="How the log is written; json: a document per line.")]
MonitorPort = Annotated[
    int | None,
    typer.Option(
        min=0, max=65535, metavar="PORT", help="Answer /health and /metrics over HTTP there, to this machine only."
    ),
]
Grace = Annotated[
    float, typer.Option(min=0, metavar="SECONDS", help="Let running scans go on for so long when told to stop.")
]

STOPPING = "stopping: scans that run go on, and no new one is accepted"
"""What monitors are told after a server was told to stop, so that they send nobody to it."""


@contextmanager
def monitored(metrics: Metrics, port: int | None, fault: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Count what is logged, and answer monitors where they were given a port."""
    logging.getLogger().addHandler(metrics)
    try:
        with nullcontext() if port is None else Endpoint(port, metrics, fault):
            yield
    finally:
        logging.getLogger().removeHandler(metrics)


@contextmanager
def asked_to_stop() -> Iterator[SimpleQueue[int]]:
    """Collect the signals that ask to stop."""
    # The one queue that may be filled while its reader holds it: a signal comes at any moment.
    received: SimpleQueue[int] = SimpleQueue()

    def note(number: int, _frame: FrameType | None) -> None:
        wait_for_no_reader()
        received.put(number)

    # The handlers that were there are put back, as a command may run inside another program.
    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for(signals: SimpleQueue[int]) -> None:
    """Wait until somebody asks to stop."""
    while True:
        # Not in one piece: the system may hand a signal to any thread, and this one, in which Python then runs the
        # handler, sleeps on.
        with suppress(Empty):
            signals.get(timeout=LOOK_S)
            return
