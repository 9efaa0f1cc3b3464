"""The result of a benchmark as a JSON file: written down to the single event, and read again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gadgets.errors import DesparkError, SettingsError
from onnx_models.reading import read_regular
from pipelines.benchmark.totals import FileScore, Proportion, Total

FILE_SCORES = TypeAdapter(list[FileScore])
MISSING = float("nan")


def results_text(scores: Sequence[FileScore], totals: Sequence[Total], settings: dict[str, Any]) -> str:
    """Give everything that was measured; numbers that are not there (no events, no error before) become null."""
    result = {
        "settings": settings,
        "totals": [_with_shares(asdict(result)) | {"harm_per_kspace": result.harm_per_kspace} for result in totals],
        "files": [asdict(score) for score in scores],
    }
    # JSON has no NaN; Python would write one that others cannot read.
    return json.dumps(_without_nan(result), indent=1, allow_nan=False)


def read_results(path: Path) -> list[FileScore]:
    """Read the scores of each file and rival again.

    Raises
    ------
    DesparkError
        The file does not hold what :func:`results_text` gives.
    """
    try:
        files = json.loads(read_regular(path))["files"]
        for score in files:
            score["errors_left"] = [MISSING if error is None else error for error in score["errors_left"]]
            if score["seconds_per_kspace"] is None:
                score["seconds_per_kspace"] = MISSING
        return FILE_SCORES.validate_python(files)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        raise DesparkError(f"{path}: expected what despark benchmark --json writes ({_reason_of(error)})") from error


def read_joined(paths: Sequence[Path]) -> list[FileScore]:
    """Read the results of earlier runs.

    Raises
    ------
    SettingsError
        One run is among them twice, and would count twice.
    """
    # By what was measured, seconds and all: copies have other names.
    scores: dict[str, FileScore] = {}
    for path in paths:
        for score in read_results(path):
            if repr(score) in scores:
                raise SettingsError(f"--join: expected each run once, found {score.file} of {path} a second time")
            scores[repr(score)] = score
    return list(scores.values())


def _reason_of(error: Exception) -> str:
    """Say what is wrong without quoting the file: it may be a scan, and the scan a patient's."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"files.{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(error, KeyError):
        return f"no {error}"
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _with_shares(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Add share and interval to every count in a tree of plain values."""
    if isinstance(value, dict):
        # A dataclass has become a dict by now: its fields are all that is left to know a proportion by.
        if set(value) == {"count", "trials"}:
            proportion = Proportion(**value)
            known = proportion.trials > 0
            return value | {"share": proportion.share if known else None, "interval": proportion.interval}
        return {key: _with_shares(item) for key, item in value.items()}
    return value


def _without_nan(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    # Only NaN differs from itself.
    return None if isinstance(value, float) and value != value else value
