"""Foreign: how is a file read that somebody else has made, whatever is wrong with it?

The files, from the process that reads to the numbers:

==================  ======================================
module              what is in it
==================  ======================================
``child``           a process that can be ended, and reads
``in_the_child``    what it does, and may take
``identity``        whether it is still the same file
``other_kinds``     files that are something else
``hdf5_file``       HDF5, opened
``hdf5_inside``     what lies in it
``stored_numbers``  numbers of any type and byte order
==================  ======================================
"""

from pipelines.files.foreign.child import in_child
from pipelines.files.foreign.hdf5_file import check_regular, has_group, open_hdf5
from pipelines.files.foreign.hdf5_inside import MADE_BY, find, find_dataset, made_by, names_in, read, refused
from pipelines.files.foreign.identity import Identity
from pipelines.files.foreign.in_the_child import OFTEN, go_on
from pipelines.files.foreign.other_kinds import hint, image_hint, raw_hint
from pipelines.files.foreign.stored_numbers import as_headers, as_numbers, misfits, number_type

__all__ = [
    "MADE_BY",
    "OFTEN",
    "Identity",
    "as_headers",
    "as_numbers",
    "check_regular",
    "find",
    "find_dataset",
    "go_on",
    "has_group",
    "hint",
    "image_hint",
    "in_child",
    "made_by",
    "misfits",
    "names_in",
    "number_type",
    "open_hdf5",
    "raw_hint",
    "read",
    "refused",
]
