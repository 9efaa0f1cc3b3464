"""Files: what lies on disk?"""

from pipelines.files.archive import Archive, ArchivedScan
from pipelines.files.foreign import has_group
from pipelines.files.hdf5_output import Hdf5Output
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
from pipelines.files.mrd2_header import header_xml
from pipelines.files.mrd_header import MRDHeader, mended, read_header
from pipelines.files.output_checks import (
    STDOUT,
    check_apart,
    check_folder,
    check_new_folder,
    check_parent,
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
    "check_writable",
    "has_group",
    "header_xml",
    "is_dicom",
    "mended",
    "named_output",
    "open_images",
    "read_header",
    "read_kspaces",
    "readable",
    "same_file",
    "scratch_folder",
    "to_raw",
    "whole_or_nothing",
    "write_raw_file",
]
