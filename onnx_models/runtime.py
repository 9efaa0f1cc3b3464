"""ONNX Runtime: imported where a session is opened and not before, and with its telemetry off.

Most of the house is used without a model, and the import takes time and memory. The wheels of some versions report to
their vendor from the import on, and keep a device's number and a growing database under the user's cache. Only a
variable of the environment that is set before the import keeps them from it; a call afterwards does not. So our
packages set it as soon as one of them is imported.
"""

from __future__ import annotations

import functools
import logging
import os
from types import ModuleType

from onnx_models import MAY_REPORT, NO_TELEMETRY

logger = logging.getLogger(__name__)


@functools.cache
def onnx_runtime() -> ModuleType:
    """Give the imported package, which nothing else here imports."""
    # Once more: somebody may have set the environment anew since we were imported.
    os.environ[NO_TELEMETRY] = "1"
    if MAY_REPORT:
        logger.warning("onnxruntime was imported before despark, with its telemetry on; set %s=1", NO_TELEMETRY)
    import onnxruntime

    return onnxruntime  # type: ignore[no-any-return]
