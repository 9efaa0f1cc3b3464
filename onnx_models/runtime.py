"""ONNX Runtime: imported where a session is opened and not before, and with its telemetry off.

Most of the house is used without a model, and the import takes time and memory. The wheels of some versions report to
their vendor from the import on, and keep a device's number and a growing database under the user's cache. Only a
variable of the environment that is set before the import keeps them from it; a call afterwards does not.
"""

from __future__ import annotations

import os
from types import ModuleType

NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"


def onnx_runtime() -> ModuleType:
    """Give the imported package, which nothing else here imports."""
    # Set whatever it was: nothing leaves a scanner's computer because somebody said nothing.
    os.environ[NO_TELEMETRY] = "1"
    import onnxruntime

    return onnxruntime  # type: ignore[no-any-return]
