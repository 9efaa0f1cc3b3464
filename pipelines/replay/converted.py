"""Images that came back, as another kind of file than the MRD file that a scan is written to."""

from __future__ import annotations

from pathlib import Path

from gadgets.errors import RawDataError
from pipelines.chains import Chain
from pipelines.files import MRDHeader, StoredImages, Target
from pipelines.messages import MessageID
from pipelines.replay.scan_output import Counts

NAME_MRD = "which a file of this kind cannot do without; name a file that ends with .h5"


def check_target(target: Target, chain: Chain | None, n_images: int) -> None:
    """See before a scan that the target can hold what comes back.

    Parameters
    ----------
    chain
        None where only the server knows it.
    n_images
        That have to come back; 0 where nobody knows.

    Raises
    ------
    RawDataError
        The chain gives no images, or more than fit in.
    """
    if chain is not None and target.kind != "MRD" and MessageID.IMAGE not in chain.writes:
        raise RawDataError(f"{target.path}: {chain.source} gives no images back, {NAME_MRD}")
    target.check(n_images)


def convert(stored: Path, target: Target, header: MRDHeader, counts: Counts, path: Path) -> list[str]:
    """Write the images of a scan as what the target's name asks for.

    Parameters
    ----------
    stored
        The MRD file that the scan was written to.
    header
        Of the raw data.
    counts
        What came back.
    path
        To write; takes the target's name later.

    Returns
    -------
        Notices of what the headers do not tell, and of what is not written.

    Raises
    ------
    RawDataError
        No images came back, or this kind of file cannot hold them.
    """
    # After the scan as well: a chain that may give images need not give any.
    if not counts.images:
        raise RawDataError(f"{target.path}: the chain gave no images back, {NAME_MRD}")
    notices = target.write(StoredImages(stored), header, path)
    if n_beside := counts.acquisitions + counts.waveforms:
        notices = [*notices, f"{n_beside} acquisitions and waveforms that came back are not written"]
    return [f"{target.path}: {notice}" for notice in notices]
