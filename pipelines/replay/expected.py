"""What has to come back from a scan, told from the raw file and the chain before it begins."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from gadgets.errors import RawDataError, WireError
from gadgets.indices import COUNTERS
from gadgets.kspace import NOT_IMAGING, fewest_readouts
from gadgets.outside import whole_number
from gadgets.wire import encodings_of
from pipelines.chains import Chain
from pipelines.files import RawFile
from pipelines.messages import MessageID
from pipelines.replay.scan_output import Counts

_PLACE_COUNTERS = ("kspace_encode_step_1", "kspace_encode_step_2")


@dataclass(frozen=True)
class Expected:
    """What has to come back: all items of a drop-in, an image per k-space of an image chain, else something."""

    all_items: bool
    images: int
    anything: bool
    same_headers: bool = True

    @classmethod
    def of(cls, raw: RawFile, chain: Chain | None) -> Expected:
        """Tell from the file and the chain.

        Raises
        ------
        RawDataError
            The chain makes images and the file holds no imaging data.
        """
        if chain is None:
            return cls(all_items=False, images=0, anything=True)
        # A chain that may write both tells nothing of how many images it makes.
        makes_images = MessageID.IMAGE in chain.writes and MessageID.ACQUISITION not in chain.writes
        n_kspaces, n_imaging = count_kspaces(raw, _fewest_wanted(chain)) if makes_images else (0, 0)
        if makes_images and not n_imaging:
            raise RawDataError(
                f"{raw.path}: no imaging data for {chain.source}, which makes images "
                f"({raw.n_acquisitions} acquisitions, all of them noise, navigator, calibration or the like, or with "
                "all samples discarded)"
            )
        # Behind our nodes others may drop or add what they like, so numbers are known only where ours is the last.
        last = chain.nodes[-1] if chain.nodes and not chain.obstacles else None
        is_ours = last is not None and last.is_ours
        return cls(
            all_items=is_ours and len(chain.nodes) == 1 and last is not None and last.name == "raw_repair",
            # Others join repetitions, averages or slices to one image; but one there has to be.
            images=n_kspaces if is_ours else min(n_kspaces, 1),
            anything=bool(chain.writes),
            same_headers=last is None or last.properties.get("mark_user_int", "none") == "none",
        )

    def total(self, raw: RawFile) -> int:
        """Count what has to come back: images, or acquisitions and waveforms; 0 where nobody knows."""
        if self.all_items:
            return raw.n_acquisitions + raw.n_waveforms
        # A chain of others may make more images than the one that has to come.
        return self.images if self.images > 1 else 0

    def check(self, sent: Counts, returned: Counts) -> None:
        """Compare what came back with what had to.

        Raises
        ------
        WireError
            Something is missing.
        """
        if self.all_items:
            for kind, n_sent, n_returned in (
                ("acquisitions", sent.acquisitions, returned.acquisitions),
                ("waveforms", sent.waveforms, returned.waveforms),
            ):
                if n_sent != n_returned:
                    raise WireError(f"{n_sent} {kind} were sent, {n_returned} came back")
            # One hash over all headers in their order: neither a changed nor a swapped acquisition passes.
            same = sent.acquisition_headers.digest() == returned.acquisition_headers.digest()
            if self.same_headers and not same:
                raise WireError("the acquisitions came back in another order or with other headers")
        if returned.images < self.images:
            raise WireError(f"expected an image of each of {self.images} k-spaces, {returned.images} came back")
        if self.anything and not returned.acquisitions + returned.waveforms + returned.images:
            raise WireError(
                "the chain returned neither images nor acquisitions; where the scan holds imaging readouts, no k-space "
                "had as many of them as an image needs (see acquisition_buffer.fewest_readouts)"
            )


def _fewest_wanted(chain: Chain) -> int | None:
    values = [node.properties.get("fewest_readouts", "") for node in chain.nodes if node.name == "acquisition_buffer"]
    return next((number for value in values if (number := whole_number(value)) is not None), None)


def count_kspaces(raw: RawFile, fewest: int | None = None) -> tuple[int, int]:
    """Count the k-spaces of a raw file of which an image has to come, and its imaging readouts.

    The first are distinct counters with enough readouts for an image, whatever else is known of them. There may be
    more: flagged ones of fewer readouts, and several with the same counters.
    """
    places: set[tuple[int, ...]] = set()
    n_imaging = 0
    for heads in raw.headers():
        # From the headers alone: nothing of a large file has to be read twice.
        imaging = heads[heads["flags"] & np.uint64(NOT_IMAGING) == 0]
        # A readout of which all samples are discarded is no part of an image.
        imaging = imaging[imaging["discard_pre"].astype(int) + imaging["discard_post"] < imaging["number_of_samples"]]
        n_imaging += len(imaging)
        counters = [imaging["idx"][name] for name in (*COUNTERS, *_PLACE_COUNTERS)]
        places.update(map(tuple, np.stack([imaging["encoding_space_ref"], *counters], axis=-1).tolist()))
    encodings = encodings_of(raw.header)
    readouts = Counter(place[: 1 + len(COUNTERS)] for place in places if place[0] < len(encodings))
    least = [fewest_readouts(encoding, is_whole=False, wanted=fewest) for encoding in encodings]
    return sum(n_readouts >= least[counters[0]] for counters, n_readouts in readouts.items()), n_imaging
