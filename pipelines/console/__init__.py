"""Console: how does a person watch scans, and tell despark what was right?"""

from pipelines.console.desk import Desk
from pipelines.console.looker import Looker
from pipelines.console.server import Console

__all__ = ["Console", "Desk", "Looker"]
