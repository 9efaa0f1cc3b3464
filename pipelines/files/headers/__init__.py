"""Headers: what does an MRD header say, whoever wrote it?

================  ===================================================
module            what is in it
================  ===================================================
``mrd_header``    the header, checked and mended
``plain_header``  the same as other tools write it, read leniently
``mrd2_header``   that of MRD version 2, as XML of version 1
================  ===================================================
"""

from pipelines.files.headers.mrd2_header import header_xml
from pipelines.files.headers.mrd_header import MRDHeader, mended, read_and_mend, read_header
from pipelines.files.headers.plain_header import COUNTERS

__all__ = [
    "COUNTERS",
    "MRDHeader",
    "header_xml",
    "mended",
    "read_and_mend",
    "read_header",
]
