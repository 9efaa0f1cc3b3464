"""Worker: who keeps the nodes warm?"""

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
