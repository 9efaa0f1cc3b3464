"""Worker: who keeps the nodes warm?

The files, in the order in which a scan meets them:

===================  =================================================
module               what is in it
===================  =================================================
``worker``           the server, with models that stay open
``settings``         what its nodes are set to
``scan_socket``      one connection, its opening mended
``node_session``     one scan of one node
``node_thread``      the same in a process that has a chain of its own
``released_memory``  what the C library keeps of it
``health``           whether all is well
===================  =================================================
"""

from pipelines.worker.health import check_nodes
from pipelines.worker.node_thread import NodeThread
from pipelines.worker.released_memory import share_pools
from pipelines.worker.settings import settings_schema, worker_settings
from pipelines.worker.worker import GRACE_S, NODES, Worker

__all__ = [
    "GRACE_S",
    "NODES",
    "NodeThread",
    "Worker",
    "check_nodes",
    "settings_schema",
    "share_pools",
    "worker_settings",
]
