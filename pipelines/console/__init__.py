"""Console: how does a person watch scans, and tell despark what was right?

The files, from the door to the page:

=============  =========================================
module         what is in it
=============  =========================================
``server``     requests, and how much one may send
``access``     who may see, and who may change something
``desk``       what the console knows
``judging``    what a person says
``looker``     pictures of raw files
``views``      what is answered
``page``       the page
``scan_view``  a scan on it
``live_view``  a scan that runs
=============  =========================================
"""

from pipelines.console.desk import Desk
from pipelines.console.looker import Looker
from pipelines.console.server import Console

__all__ = ["Console", "Desk", "Looker"]
