"""Ends an inference that does not come back: a model of somebody else's may hold a loop without end.

While ONNX Runtime computes, nothing else in this thread is heard, Ctrl-C neither.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from onnx_models.runtime import onnx_runtime

if TYPE_CHECKING:
    import onnxruntime

LIMIT_S = 120.0
"""For one batch. It takes milliseconds, and some seconds where a GPU chooses its algorithms."""

LOOK_S = 1.0


class _Watch:
    """Watches all inferences of this process, in one thread that sleeps while there are none."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: dict[int, tuple[float, onnxruntime.RunOptions]] = {}
        self._is_watching = False

    @contextmanager
    def options(self) -> Iterator[onnxruntime.RunOptions]:
        options = onnx_runtime().RunOptions()
        with self._changed:
            if not self._is_watching:
                threading.Thread(target=self._run, name="inferences", daemon=True).start()
                # Only now: where the system has refused one, the next inference asks again.
                self._is_watching = True
            self._running[id(options)] = time.monotonic() + LIMIT_S, options
            self._changed.notify()
        try:
            yield options
        finally:
            with self._changed:
                del self._running[id(options)]

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._running:
                    self._changed.wait()
                now = time.monotonic()
                for limit, options in self._running.values():
                    if now > limit:
                        # Looked at before each operator, also inside a loop.
                        options.terminate = True
            time.sleep(LOOK_S)


_watch = _Watch()


def limited() -> AbstractContextManager[onnxruntime.RunOptions]:
    """Give the options of one inference, which is ended after :data:`LIMIT_S`; it then fails."""
    return _watch.options()


def _watch_anew() -> None:
    global _watch
    _watch = _Watch()


os.register_at_fork(after_in_child=_watch_anew)
