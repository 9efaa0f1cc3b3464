"""Which nodes, in which order, and what runs them? Chains, embedded host, replay client, command line."""

import onnx_models  # noqa: F401 - whatever is imported next, the telemetry of ONNX Runtime is off
