"""Host: who runs the nodes for a client?"""

from pipelines.host.connections import notice_dead_peers
from pipelines.host.guests import Guests
from pipelines.host.host import Host
from pipelines.host.limits import USUAL_LIMITS, ServerLimits
from pipelines.host.message_flow import Client
from pipelines.host.nodes import EXIT_LIMIT_S, NodeProcess
from pipelines.host.reception import Reception
from pipelines.host.scan import Scan

__all__ = [
    "EXIT_LIMIT_S",
    "USUAL_LIMITS",
    "Client",
    "Guests",
    "Host",
    "NodeProcess",
    "Reception",
    "Scan",
    "ServerLimits",
    "notice_dead_peers",
]
