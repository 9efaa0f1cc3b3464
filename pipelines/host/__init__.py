"""Host: who runs the nodes for a client?

The files, in the order in which a client meets them:

================  ==================================================
module            what is in it
================  ==================================================
``host``          the server: from its start to its end
``service``       what it gives to every client
``limits``        how much of that, and how long it waits
``listening``     its ports
``reception``     its door: a thread for each who connects
``refused``       who is sent away, and told why
``guests``        who is there: room is made, and goodbye said
``connections``   one connection
``session``       one conversation: configuration, header, scan
``parameters``    what FIRE and OpenRecon send behind the header
``scan``          one scan, from the start of its nodes to their end
``message_flow``  its messages, through the nodes and round them
``nodes``         one node
``watchdog``      nodes that hang
================  ==================================================
"""

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
