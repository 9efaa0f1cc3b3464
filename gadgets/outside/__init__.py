"""Outside: how much may come from somebody who is not known, and how long may it take?

The files, whatever comes in, by its kind:

===================  ===============================
module               what is in it
===================  ===============================
``bounded_xml``      XML, of a size that it can have
``tidied_xml``       XML as other readers take it
``whole_number``     a number in a text
``printable``        a text, to be shown
``without_folders``  names of files, to be shown
``memory``           how much a scan may take
``pace``             how long a peer may take
===================  ===============================
"""

from gadgets.outside.bounded_xml import MAX_XML_BYTES, XMLError, name_of, parse_xml
from gadgets.outside.memory import VARIABLE as MEMORY_VARIABLE
from gadgets.outside.memory import machine_bytes, memory_limit
from gadgets.outside.pace import STALL_S, Pace, send_at_pace
from gadgets.outside.printable import printable, quoted
from gadgets.outside.tidied_xml import fits_xml, tidied
from gadgets.outside.whole_number import whole_number
from gadgets.outside.without_folders import without_folders

__all__ = [
    "MAX_XML_BYTES",
    "MEMORY_VARIABLE",
    "STALL_S",
    "Pace",
    "XMLError",
    "fits_xml",
    "machine_bytes",
    "memory_limit",
    "name_of",
    "parse_xml",
    "printable",
    "quoted",
    "send_at_pace",
    "tidied",
    "whole_number",
    "without_folders",
]
