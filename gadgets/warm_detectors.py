"""Detectors, and the model of a repair, that stay open from scan to scan, for a process that serves many.

What costs time is opening and warming the models, and that depends on few settings: which models they are, where they
lie and where they run. Thresholds differ from scan to scan without anything being opened again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from gadgets.settings import CalibrationSettings, SparkDetectionSettings
from onnx_models.manifest import models_folder

if TYPE_CHECKING:
    from gadgets.detection import Detector
    from gadgets.value_assignment import ValueAssignment

LIMIT = 4
"""Combinations of models that are kept open; the one not used for longest is let go."""

CHOOSE_MODELS = (
    "provider",
    "method",
    "classifier",
    "patch_sets",
    "one_pass_model",
    "regions",
    "preprocessing",
    "image_check",
    "image_model",
    "patch_shape",
    "patch_size",
    "patch_overlap",
    "history",
)
"""Settings that what is opened depends on, beside the folder of the models."""

_Key: TypeAlias = tuple[object, ...]
_OpenedT = TypeVar("_OpenedT")


class WarmDetectors:
    """Opened detectors, shared by all scans of a process.

    Parameters
    ----------
    limit
        How many are kept open.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._detectors: OrderedDict[_Key, Detector] = OrderedDict()
        self._assignments: OrderedDict[_Key, ValueAssignment] = OrderedDict()

    def open(self, settings: SparkDetectionSettings) -> Detector:
        """Give a detector with these settings; models that are open already are not opened again.

        Models that are exchanged on disk count from the next start on: code and models of an upgrade belong together.

        Raises
        ------
        ModelError, ProviderError
            A model or the provider asked for is not there.
        SettingsError
            As :class:`gadgets.detection.Detector`.
        """
        # Loading ONNX Runtime takes time and memory that a process without detection need not pay.
        from gadgets.detection import Detector

        chosen = (getattr(settings, name) for name in CHOOSE_MODELS)
        key = (models_folder(settings.models).resolve(), *chosen, _chosen_by_history(settings))
        return self._once(self._detectors, key, lambda: Detector(settings)).with_settings(settings)

    def open_assignment(self, settings: CalibrationSettings) -> ValueAssignment:
        """Give the value assignment model of these settings; as :meth:`open`."""
        from gadgets.value_assignment import load_value_assignment

        key = (models_folder(settings.models).resolve(), settings.provider)
        return self._once(self._assignments, key, lambda: load_value_assignment(settings))

    def _once(self, opened: OrderedDict[_Key, _OpenedT], key: _Key, load: Callable[[], _OpenedT]) -> _OpenedT:
        # Scans that begin together wait here for the first of them, and open nothing twice.
        with self._lock:
            found = opened.pop(key, None) or load()
            opened[key] = found
            while len(opened) > self._limit:
                opened.popitem(last=False)
        return found

    def __len__(self) -> int:
        return len(self._detectors) + len(self._assignments)


def _chosen_by_history(settings: SparkDetectionSettings) -> str | None:
    """Tell which first classification model the history calls for by now, if it chooses."""
    if settings.classifier != "accuracy":
        return None
    from gadgets.classifier_choice import most_accurate_before
    from gadgets.history import read_history

    return most_accurate_before(read_history(settings.history).accuracy())


_in_use: ContextVar[WarmDetectors | None] = ContextVar("warm_detectors", default=None)


def warm_detectors() -> WarmDetectors | None:
    """Give those that the current thread uses, or None where every scan opens its own."""
    return _in_use.get()


@contextmanager
def using(detectors: WarmDetectors) -> Iterator[None]:
    """Let what runs inside, in this thread, take its detectors from these."""
    token = _in_use.set(detectors)
    try:
        yield
    finally:
        _in_use.reset(token)
