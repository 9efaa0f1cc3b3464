"""What the drop-in makes of items, without a connection."""

from __future__ import annotations

import numpy as np
from helpers.builders import (
    encoding,
)

from gadgets.drop_in import RawRepairer
from gadgets.settings.definitions import RawRepairSettings
from gadgets.wire import Acquisition

ZERO = RawRepairSettings.model_validate({"calibration": {"method": "zero"}})


FAIL = RawRepairSettings.model_validate({"spark_detection": {"on_failure": "fail"}})


ONE_ENCODING = (encoding(),)


def repaired(items, detector, encodings=ONE_ENCODING, settings=ZERO):
    return list(RawRepairer(settings, tuple(encodings), detector).repair(items))


def assert_only_samples_differ(came, went):
    """Return the places (item, coil, sample) that differ; all else has to be the same."""
    assert len(came) == len(went)
    places = []
    for number, (before, after) in enumerate(zip(came, went, strict=True)):
        assert type(before) is type(after)
        assert bytes(before.header) == bytes(after.header)
        if isinstance(before, Acquisition):
            assert bytes(before.trajectory) == bytes(after.trajectory)
            bits = [item.data.view(np.uint64) for item in (before, after)]
            places += [(number, *map(int, place)) for place in np.argwhere(bits[0] != bits[1])]
        else:
            assert bytes(before.samples) == bytes(after.samples)
    return places
