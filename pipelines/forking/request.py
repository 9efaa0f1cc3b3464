"""What is asked of a forked process, what is told of it, and how it does what it is asked."""

from __future__ import annotations

import ctypes
import logging
import os
import pickle
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

STARTED, ENDED, REFUSED = b"s", b"e", b"r"
NEWS = struct.Struct("<ci")
"""What is told of a process: that it started (its number), ended (its exit code) or cannot be started (the error)."""

MOST_DESCRIPTORS = 8
_PR_SET_PDEATHSIG = 1
# Opened before any fork: what is forked should not have to load a library for it.
_PRCTL = ctypes.CDLL(None).prctl


class Request(NamedTuple):
    """What a process is to do; the descriptors of its working directory and of its arguments come beside it."""

    environment: dict[str, str]
    function: Callable[..., object]
    arguments: tuple[Any, ...]


def news_from(talk: socket.socket, flags: int = 0) -> tuple[bytes, int] | None:
    """Read what is told of a process, kind and number; None where the server is gone."""
    try:
        news = talk.recv(NEWS.size, flags)
    except ConnectionResetError:
        # Gone, too: it, or what it had forked, had not yet read all that was asked.
        return None
    return NEWS.unpack(news) if news else None


def end_with(parent: int) -> None:
    """Let the kernel kill this process when its parent is gone, however that ends."""
    # Where the kernel refuses, the process still does its work; so the answer is not looked at.
    _PRCTL(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent:
        raise SystemExit


def do_what_is_asked(talk: socket.socket) -> int:
    """Do what the owner asks for, and give the exit code, all as the interpreter does it."""
    code = 0
    try:
        with talk:
            _, (folder, *descriptors), *_ = socket.recv_fds(talk, 1, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
            with talk.makefile("rb") as file:
                request: Request = pickle.load(file)
        os.fchdir(folder)
        os.close(folder)
        os.environ.clear()
        os.environ.update(request.environment)
        request.function(*request.arguments, *descriptors)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            sys.stderr.write(f"{error.code}\n")
    except BaseException:  # noqa: BLE001 - the last one to see it
        traceback.print_exc()
        code = 1
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code
