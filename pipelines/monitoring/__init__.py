"""Monitoring: what does a server tell those who watch it?"""

from pipelines.monitoring.endpoint import Endpoint
from pipelines.monitoring.http_server import REQUEST_LIMIT_S, BoundedHTTPServer
from pipelines.monitoring.log_lines import JsonLines
from pipelines.monitoring.metrics import Metrics, Served

__all__ = ["REQUEST_LIMIT_S", "BoundedHTTPServer", "Endpoint", "JsonLines", "Metrics", "Served"]
