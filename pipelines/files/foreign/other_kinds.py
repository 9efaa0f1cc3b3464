"""Files that are not what was asked for: what they seem to be, and what to do with them."""

from __future__ import annotations

from pathlib import Path

CONVERTERS = {
    ".dat": "it seems to be a Siemens raw file, which siemens_to_ismrmrd converts",
    ".7": "it seems to be a GE P-file, which ge_to_ismrmrd converts",
    ".raw": "it seems to be a Philips raw file, which philips_to_ismrmrd converts",
    ".lab": "it seems to be a Philips raw file, which philips_to_ismrmrd converts",
    ".sin": "it seems to be a Philips raw file, which philips_to_ismrmrd converts",
    ".list": "it seems to be a Philips raw file, which philips_to_ismrmrd converts",
    ".data": "it seems to be a Philips raw file, which philips_to_ismrmrd converts",
    ".job0": "it seems to be a Bruker raw file, which bruker_to_ismrmrd converts",
    ".fid": "it seems to be an Agilent (Varian) raw file; Gadgetron's list of converters names those for it",
}
"""What raw files of vendors end with, and the tool that makes MRD of them."""

BRUKER = ("fid", "ser")
"""Names that Bruker's raw files have, without an ending."""

PICTURES = (".png", ".jpg", ".tif")
IMAGES = (".dcm", ".ima", ".nii", ".nii.gz")
TO_IMAGE = "it holds images, which despark image repairs; raw data is needed here"
TO_REPLAY = "it holds raw data, for which there is despark replay; images are needed here"


def hint(path: Path, *, wants_images: bool = False) -> str:
    """Say what a file seems to be by its name, and what to do with it; empty where nobody knows."""
    name = path.name.lower()
    if name in BRUKER:
        return f"; {CONVERTERS['.job0']}"
    if name.endswith(PICTURES):
        return "; it seems to be a picture, which despark does not read"
    if name.endswith(IMAGES):
        return "" if wants_images else f"; {TO_IMAGE}"
    converter = CONVERTERS.get(path.suffix.lower())
    return f"; {converter}" if converter else ""


def image_hint(names: list[str]) -> str:
    """Say it where the groups of an HDF5 file, asked for raw data, are those of images."""
    return f"; {TO_IMAGE}" if "images" in names or any(name.startswith("image_") for name in names) else ""


def raw_hint(names: list[str]) -> str:
    """Say it where the groups of an HDF5 file, asked for images, are those of raw data."""
    return f"; {TO_REPLAY}" if "dataset" in names or {"data", "xml"} <= set(names) else ""
