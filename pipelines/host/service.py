"""What a host gives to all of its clients."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from pipelines.chains import OURS, Trust
from pipelines.files import Archive
from pipelines.host.limits import USUAL_LIMITS, ServerLimits
from pipelines.monitoring import Metrics


@dataclass(eq=False)
class Service:
    """One for all clients of a host.

    Attributes
    ----------
    limits
        How much clients get at most, and how long they are waited for.
    trust
        What they may name beyond the gadgets and chains of despark.
    archive
        Keeps what they send.
    default_chain
        Run where one names a configuration that is not known; empty: that is an error.
    metrics
        Count the scans.
    places
        One for each scan that may run at once.
    """

    limits: ServerLimits = USUAL_LIMITS
    trust: Trust = OURS
    archive: Archive | None = None
    default_chain: str = ""
    metrics: Metrics = field(default_factory=Metrics)
    places: threading.BoundedSemaphore = field(init=False)

    def __post_init__(self) -> None:
        self.places = threading.BoundedSemaphore(self.limits.scans)
