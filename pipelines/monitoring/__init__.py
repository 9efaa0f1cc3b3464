"""Monitoring: what does a server tell those who watch it?"""

from pipelines.monitoring.endpoint import Endpoint
from pipelines.monitoring.log_lines import JsonLines
from pipelines.monitoring.metrics import Metrics, Served

__all__ = ["Endpoint", "JsonLines", "Metrics", "Served"]
