"""The echo's peak: where it may be, and whether what lies there can be told from a spark."""

from __future__ import annotations

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.background import contrast_without, is_outshone
from gadgets.evidence import Evidence, radii
from gadgets.kspace import KSpace, Plane
from gadgets.local_statistics import total_power
from gadgets.patches import INNER, Patches, cut

CORE = 0.05
CORE_REACH = 2
"""Radius of the echo's peak, which is a sharp one where the object fills the field of view, and the lines and samples
on either side that belong to it in any case."""

CROWD = 0.12
"""Radius inside which sparks hide each other. Beyond it the models miss hardly any."""

LEAST_CONTRAST = 100.0
"""Ratio of the image's bright to its dark power below which there is no background to speak of: an object that fills
the field of view, aliased images, little signal over noise. Recorded images that are fully sampled have 160 and more.
The echo's peak then looks as a spark does, and nothing in the core is touched."""


FAINTEST_CONTRAST = 10.0
"""The least while the sparks are still in the image: eight of ripple-to-noise ratio 4 leave 25 of it. Where there is
less, whatever was taken away next would leave an image that seems to have a background."""


MOST_OUTSHINING = 8
"""Suspicious samples that may be taken away to see whether there is a background. Images without one reach 60 so, if
there are receivers whose profiles are not flat, which spread the echo over its neighbours."""


WHOLE_ECHO = 5
"""Samples in a row, the centre among them, that are the echo itself where it lies in a single readout."""

MOSTLY_ECHO = 0.75
"""Share of all suspicious samples that these are then: sparks lie elsewhere as well."""


ECHO_REACH, NEIGHBOURS, LOUD = 8, 8, 3.0
"""Samples on either side of the echo, and readouts on either side of one, that say how loud it is; and how many times
louder than these it stands alone."""


def regions_of(plane: Plane, evidence: Evidence) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Mark the core, all that may belong to the echo's peak, and where sparks crowd, shapes ``(line, sample)``.

    Both lie about the loudest place and about the one that the header names: where the object fills the field of
    view the peak is a single sample, and the loudest surroundings are elsewhere.
    """
    shape = evidence.level.shape
    radius = _radius_of(plane, evidence)
    # Forward and reversed readouts have their peaks beside each other, and the ghost takes the background away.
    core = radius < (CROWD if plane.reversed_lines.any() else CORE)
    peak = core.copy()
    for centre in (evidence.centre, plane.centre):
        # In samples: on a small matrix CORE reaches hardly beyond the centre itself.
        near = [np.abs(np.arange(n) - index) <= CORE_REACH for n, index in zip(shape, centre, strict=True)]
        peak |= near[0][:, None] & near[1][None, :]
    return core, peak, radius < CROWD


def _radius_of(plane: Plane, evidence: Evidence) -> FloatArray:
    """Give the distance from the nearer of the two centres, shape ``(line, sample)``."""
    # The nearer of the two, which is the cautious choice: near a centre more is asked of a sample.
    return np.minimum(evidence.radius, radii(evidence.level.shape, plane.centre))


def at_a_peak_without_background(patches: Patches, places: IntArray, peak: BoolArray) -> BoolArray:
    """Mark the places, shape ``(n,)``, at the echo's peak of planes whose image has no background."""
    left_alone: BoolArray = peak[tuple(places.T)]
    for number in np.unique(places[left_alone, 0]):
        here, plane = places[:, 0] == number, patches.planes[number]
        evidence, suspicious = patches.evidence[number], places[here, 1:]
        # What is dark with the suspicious places is dark without them.
        is_dark = evidence.contrast >= LEAST_CONTRAST
        # The cheap questions first: the last takes a fit of the background.
        if is_dark or (not _is_whole_echo(plane, suspicious) and _has_background(plane, suspicious, evidence.obvious)):
            left_alone[here] = False
    return left_alone


def loud_readouts(kspace: KSpace) -> set[tuple[int, int]]:
    """Find readouts whose whole echo is louder than that of the readouts before and after: partition and line.

    Where lines are but numbers in the order of acquisition, an echo may stand alone among quiet readouts, and nothing
    around it tells what belongs there. Where lines are places in k-space there are none.
    """
    found: set[tuple[int, int]] = set()
    for partition in range(0 if kspace.is_gridded else kspace.data.shape[1]):
        # All receivers hear the same echo: together they scatter less than each alone.
        magnitude = np.sqrt(total_power(kspace.data[:, partition]))
        # A high quantile over the readouts, not their maximum: one spark would pass for the echo.
        echo = int(np.argmax(np.quantile(magnitude, 0.9, axis=0)))
        # The median over the echo's samples is no spark's doing.
        loudness = np.median(magnitude[:, max(echo - ECHO_REACH, 0) : echo + ECHO_REACH + 1], axis=1)
        # Beyond the first and the last the order is taken to go on as in a mirror.
        others = np.pad(loudness, NEIGHBOURS, mode="reflect")
        steps = [step for step in range(2 * NEIGHBOURS + 1) if step != NEIGHBOURS]
        usual = np.median([others[step : step + len(loudness)] for step in steps], axis=0)
        found |= {(partition, int(line)) for line in np.flatnonzero(loudness > LOUD * usual)}
    return found


def sparing_centre(patches: Patches, number: int, calibrated: ComplexArray) -> ComplexArray:
    """Give a calibrated patch with NaN, which replaces nothing, for the samples of the inner tenth of k-space.

    There a patch holds good samples that a model takes for abnormal, and that only a second opinion would spare.
    """
    pairs = zip(patches.planes, patches.evidence, strict=True)
    radius = np.stack([_radius_of(*pair) for pair in pairs])
    is_near = cut(radius < INNER, patches.anchors[[number]], patches.shape)[0]
    return np.where(is_near, np.complex64(np.nan), calibrated)


def _is_whole_echo(plane: Plane, places: IntArray) -> bool:
    """Tell whether suspicious places (line, sample) are the whole echo, of which no other readout has a part.

    With every second line left out, also about the centre, the echo may lie in one readout alone. Without it any image
    is dark.
    """
    line, centre = plane.centre
    if np.all(np.diff(plane.lines[max(line - 1, 0) : line + 2]) == 1):
        return False
    suspicious = np.zeros(plane.valid.shape[1] + 2, bool)
    suspicious[places[places[:, 0] == line, 1] + 1] = True
    # Where no sample is suspicious at all, before and after the run that the centre is part of.
    ends = np.flatnonzero(~suspicious) - 1
    after = int(np.searchsorted(ends, centre))
    length = int(ends[after] - ends[after - 1]) - 1
    return bool(suspicious[centre + 1] and length >= max(WHOLE_ECHO, MOSTLY_ECHO * len(places)))


def _has_background(plane: Plane, places: IntArray, obvious: BoolArray) -> bool:
    """Tell whether the image has a background, once the suspicious places (line, sample) are taken away."""
    suspicious = np.zeros(plane.valid.shape, bool)
    suspicious[places[:, 0], places[:, 1]] = True
    missing = np.broadcast_to(suspicious, plane.data.shape)  # in all receivers: which were hit is not known yet
    # Zero, as where all others were looked at. A copy of the plane would be one more array of its size.
    absent = obvious if obvious.any() else None
    contrast = contrast_without(plane.data, missing, absent, FAINTEST_CONTRAST, LEAST_CONTRAST)
    # Too faint as recorded. Where a few loud samples are to blame for that, the fit is made after all.
    if contrast < FAINTEST_CONTRAST and _is_outshone(plane, places, absent):
        contrast = contrast_without(plane.data, missing, absent, 0, LEAST_CONTRAST)
    return contrast >= LEAST_CONTRAST


def _is_outshone(plane: Plane, places: IntArray, absent: BoolArray | None) -> bool:
    """Tell whether a background appears once the loudest of the suspicious places are taken away.

    The stronger sparks are, the less of an image is to be seen, whatever lies below them.
    """
    # Several receivers spread the echo over its neighbours (see MOST_OUTSHINING). With one, a peak of a single sample
    # would be taken for the spark.
    if len(plane.data) == 1:
        return False
    there = places if absent is None else places[~absent[tuple(places.T)]]
    loudest_first = np.argsort(-total_power(plane.data)[tuple(there.T)])
    return is_outshone(plane.data, there[loudest_first][:MOST_OUTSHINING], absent, LEAST_CONTRAST)
