"""Gadgets that behave, and gadgets that fail in every way a node can: run in processes of their own by the host."""

from __future__ import annotations

import os
import signal
import struct
import sys
import time
from pathlib import Path


def pass_on(connection):
    for item in connection:
        connection.send(item)


def chatter(connection):
    print("a gadget that prints")  # noqa: T201
    pass_on(connection)


def raise_at_start(_connection):
    raise RuntimeError("broken from the start")


def raise_in_the_middle(connection):
    for number, item in enumerate(connection):
        if number == 3:
            raise RuntimeError("broken in the middle")
        connection.send(item)


def return_early(connection):
    connection.send(next(iter(connection)))


def exit_without_close(connection):
    pass_on(connection)
    os._exit(0)


def exit_with_code(_connection):
    print("out of luck", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(3)


def kill_itself(connection):
    next(iter(connection))
    os.kill(os.getpid(), signal.SIGKILL)


def say_error(connection):
    for _ in connection:
        pass
    text = b"no models here"
    connection.socket.write(struct.pack("<HQ", 8, len(text)) + text)


def say_text(connection):
    for _ in connection:
        pass
    connection.socket.write(struct.pack("<HI", 5, 4) + b"text")


def send_junk(connection):
    for _ in connection:
        pass
    connection.socket.write(struct.pack("<H", 4711))


def linger_after_close(connection):
    pass_on(connection)
    connection.socket.write(struct.pack("<H", 4))
    time.sleep(600)


def note_pid_and_wait(_connection):
    Path(os.environ["PROBE_PID_FILE"]).write_text(str(os.getpid()))
    time.sleep(600)


def write_configuration(connection):
    Path(os.environ["PROBE_CONFIGURATION_FILE"]).write_bytes(connection.raw_bytes.config)
    pass_on(connection)
