"""Files: what lies on disk?

The files, the raw data first, then what is written, and how:

====================  ================================================================
module                what is in it
====================  ================================================================
``raw_file``          a raw file of whatever kind, read in a process that can be ended
``raw_items``         what it consists of: acquisitions and waveforms
``read_kspaces``      the k-spaces that these make
``stored_scan``       the MRD raw file itself (HDF5), piece by piece
``stored_layout``     where that keeps what, and whether it is what MRD says
``stored_stream``     an MRD stream in a file, as an archive keeps it
``siemens``           a Siemens raw file, turned into one of MRD
``foreign``           files of others: read, whatever is wrong with them
``headers``           the MRD header, checked and mended, whoever wrote it
``mrd2_acquisition``  acquisitions of MRD version 2
``images``            files of images: MRD, NIfTI, DICOM, PNG
``output_checks``     what is seen to before anything is written
``output_file``       files that appear when they are whole
``hdf5_output``       HDF5 files, on a disk that may fill up
``raw_writer``        raw files, written piece by piece
``archive``           every scan as it came in, within bounds
``locked``            files that somebody still writes
====================  ================================================================
"""

from pipelines.files.archive import Archive, ArchivedScan
from pipelines.files.foreign import has_group
from pipelines.files.hdf5_output import Hdf5Output
from pipelines.files.headers import MRDHeader, header_xml, mended, read_and_mend, read_header
from pipelines.files.images import (
    ImageFile,
    ImageWriter,
    Pixels,
    RawImage,
    StoredImages,
    Target,
    check_same_kind,
    is_dicom,
    named_output,
    open_images,
)
from pipelines.files.mrd2_acquisition import to_raw
from pipelines.files.output_checks import (
    STDOUT,
    check_apart,
    check_folder,
    check_new_folder,
    check_parent,
    check_text,
    check_writable,
    readable,
    same_file,
)
from pipelines.files.output_file import scratch_folder, whole_or_nothing
from pipelines.files.raw_file import RawFile
from pipelines.files.raw_items import RawAcquisition, RawItem, RawWaveform
from pipelines.files.raw_writer import RawWriter, write_raw_file
from pipelines.files.read_kspaces import read_kspaces

__all__ = [
    "STDOUT",
    "Archive",
    "ArchivedScan",
    "Hdf5Output",
    "ImageFile",
    "ImageWriter",
    "MRDHeader",
    "Pixels",
    "RawAcquisition",
    "RawFile",
    "RawImage",
    "RawItem",
    "RawWaveform",
    "RawWriter",
    "StoredImages",
    "Target",
    "check_apart",
    "check_folder",
    "check_new_folder",
    "check_parent",
    "check_same_kind",
    "check_text",
    "check_writable",
    "has_group",
    "header_xml",
    "is_dicom",
    "mended",
    "named_output",
    "open_images",
    "read_and_mend",
    "read_header",
    "read_kspaces",
    "readable",
    "same_file",
    "scratch_folder",
    "to_raw",
    "whole_or_nothing",
    "write_raw_file",
]
