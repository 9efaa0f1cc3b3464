"""A filter between two pipes, as a shell would run it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from raw_scans import LIMIT_S

from gadgets.errors import DesparkError


def filter_through(content: bytes, run: Callable[[int, int], None]) -> tuple[bytes, DesparkError | None]:
    """Feed a filter, which is given the descriptors it reads and writes; return its output and how it failed."""
    (source, feed), (drain, sink) = os.pipe(), os.pipe()
    written = []

    def write():
        with os.fdopen(feed, "wb") as file:
            file.write(content)

    def read():
        with os.fdopen(drain, "rb") as file:
            written.append(file.read())

    threads = [threading.Thread(target=target) for target in (write, read)]
    for thread in threads:
        thread.start()
    failure = None
    try:
        run(source, sink)
    except DesparkError as error:
        failure = error
    finally:
        os.close(sink)
        while os.read(source, 1 << 16):
            pass
        os.close(source)
    for thread in threads:
        thread.join(LIMIT_S)
    return written[0], failure
