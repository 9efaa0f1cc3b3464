"""Host: who runs the nodes for a client?"""

from pipelines.host.host import Host
from pipelines.host.limits import CROWDED_S, USUAL_LIMITS, ServerLimits
from pipelines.host.message_flow import Client
from pipelines.host.nodes import EXIT_LIMIT_S, NodeProcess
from pipelines.host.reception import Reception
from pipelines.host.scan import Scan

__all__ = [
    "CROWDED_S",
    "EXIT_LIMIT_S",
    "USUAL_LIMITS",
    "Client",
    "Host",
    "NodeProcess",
    "Reception",
    "Scan",
    "ServerLimits",
]
