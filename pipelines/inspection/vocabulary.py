"""Texts of the page that are the same for every scan: headings of the table, what its words mean, how sure it is."""

from __future__ import annotations

from gadgets.findings import UNSEEN

NOTHING_SAID = ("", "unknown", "Unknown", "none")
"""What headers hold where nobody has filled them in."""

METHODS = {
    "zero": ("set to zero", "set to zero"),
    "conjugate": ("mirrored", "taken from the sample opposite the centre"),
    "interpolation": ("predicted", "predicted from the samples around"),
    "network": ("by network", "predicted by a network"),
    "calibration_model": ("by model", "predicted by a calibration model"),
    "series": ("from series", "predicted from earlier k-spaces of the series"),
}
"""How samples are repaired: in a table, and in a sentence."""

NEAR_CENTRE = 0.1
"""Radius below which the signal hides sparks."""

COLUMNS = ("where", "line", "samples", "time", "receivers hit", "ripple", "radius", "sure")

LEGEND = (
    f"Ripple: the stripes that a spark leaves in the image, in units of the image noise. Below {UNSEEN:g} nobody sees "
    "them, 0.25 is faint, 1 is obvious. #3: the receiver with the number 3, counted from 0 as in the data. Radius: "
    "distance from the centre of k-space, 1 is the border; the corners lie beyond it."
)

FAINT, OBVIOUS = 0.25, 1.0
"""Errors of an image, in units of its noise."""


def visible(error: float) -> str:
    """Say how well an error of an image is seen, in units of its noise."""
    if error < UNSEEN:
        return "too weak to be seen"
    if error < FAINT:
        return "hardly to be seen"
    return "faint" if error < OBVIOUS else "obvious"


PARTITIONS = " 12 / 40: line 40 of partition 12; a line alone is one of partition 0."

TICKS = " A tick is a step of the scanner's clock; the file does not tell how long it lasts."

HOW_SURE = (
    "A trained network and a prediction from all other samples are weighed together before a sample counts as a "
    "spark. “Sure” is the network's probability. It may be low where the prediction leaves no doubt, and is 50 % where "
    "earlier k-spaces of the place tell of the spark, so that the network was not asked. The errors of the image are "
    "estimates: each prediction is measured on clean samples nearby.",
    f"Near the centre of k-space (radius below {NEAR_CENTRE:g}) the signal is strong, and weak sparks hide there: "
    "some are missed. Interference that fills whole readouts, ghosts and motion are not looked for.",
)
