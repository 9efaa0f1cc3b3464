"""Notices a node that neither reads nor answers: one that was stopped, that hangs, or whose machine is gone.

A node may be silent for two good reasons: nothing was sent to it that it has not read, or it works. Work shows in the
processor time of a process of ours. What runs elsewhere cannot be looked at, and is taken to work.
"""

from __future__ import annotations

import time
from typing import Any

from gadgets.settings import NODE_SETTINGS, CalibrationSettings, SparkDetectionSettings, validate
from pipelines.chains import Node
from pipelines.host.nodes import NodeProcess

WORKS = 5.0
"""How much longer a node may take that works, or may work: its limit of time is for one step with one k-space."""

_UNLIMITED_S = 600.0
# What a node takes at most where it does not say so, as one that runs elsewhere: the defaults of two steps.
_USUAL_S = 60.0


class Watchdog:
    """Watches one node.

    Parameters
    ----------
    node
        Once it is connected.
    limit_s
        How long it may neither read nor answer, beyond its ``time_limit``.
    """

    def __init__(self, node: NodeProcess, limit_s: float) -> None:
        self._node = node
        self._limit_s = limit_s + time_limits(node.node)
        self._moved = self._worked = time.monotonic()
        self._state = node.state()
        self._processor_s = node.processor_s()

    def look(self) -> None:
        """See whether the node does anything, again and again; one that does not is broken off."""
        now, state, processor_s = time.monotonic(), self._node.state(), self._node.processor_s()
        # Anything that was read or answered counts, and so does a node that owes nothing.
        if not state.owes or state != self._state:
            self._state, self._moved, self._worked = state, now, now
        if processor_s != self._processor_s:
            self._processor_s, self._worked = processor_s, now
        may_work = processor_s is None or now - self._worked < self._limit_s
        if now - self._moved >= self._limit_s * (WORKS if may_work else 1):
            self._node.break_off(f"it has neither read nor answered for {now - self._moved:.0f} s")


def time_limits(node: Node) -> float:
    """Give how long a node may work on one k-space by its own settings, in seconds."""
    if not node.is_ours:
        return _USUAL_S
    settings: Any = validate(node.properties, NODE_SETTINGS[node.name], node.name)
    stages = [settings, *(getattr(settings, name) for name in node.stages)]
    limits = [stage.time_limit for stage in stages if isinstance(stage, SparkDetectionSettings | CalibrationSettings)]
    return float(sum(_UNLIMITED_S if limit is None else limit for limit in limits))
