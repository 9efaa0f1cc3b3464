"""With which trained models? The models, their manifest and the loader that verifies and opens them."""

import os
import sys

NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
"""Keeps ONNX Runtime from reporting to its vendor, if it is "1" before that is imported."""

MAY_REPORT = "onnxruntime" in sys.modules and os.environ.get(NO_TELEMETRY) != "1"
"""Whether somebody else has imported it already, with its telemetry on."""

# Whatever it was, and before any import of ours: it has to hold for those by others, too, and in every process that is
# started here. Nothing leaves a scanner's computer because somebody said nothing.
os.environ[NO_TELEMETRY] = "1"
