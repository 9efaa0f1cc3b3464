"""Host: who runs the nodes for a client?"""

from pipelines.host.host import Host
from pipelines.host.node_process import EXIT_LIMIT_S, NodeProcess
from pipelines.host.scan import IDLE_LIMIT_S, Client, Scan

__all__ = ["EXIT_LIMIT_S", "IDLE_LIMIT_S", "Client", "Host", "NodeProcess", "Scan"]
