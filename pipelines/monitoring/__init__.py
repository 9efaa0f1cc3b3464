"""Monitoring: what does a server tell those who watch it?"""

from pipelines.monitoring.endpoint import Endpoint
from pipelines.monitoring.http_server import BoundedHTTPServer, RequestHandler, is_own_host
from pipelines.monitoring.log_lines import JsonLines
from pipelines.monitoring.metrics import Metrics, Served

__all__ = ["BoundedHTTPServer", "Endpoint", "JsonLines", "Metrics", "RequestHandler", "Served", "is_own_host"]
