from functools import partial

import numpy as np
from helpers.kspaces import recorded_plane

from gadgets.evidence.maps import CHANNELS
from onnx_models.training.examples import patches
from onnx_models.training.examples.planes import from_planes


def test_examples_depend_on_the_seed_alone(monkeypatch):
    # Two tasks: a single one would be done by one process, however many there are.
    monkeypatch.setattr(patches, "from_planes", partial(from_planes, planes_per_task=6))
    recordings = {"one": [recorded_plane(1)], "two": [recorded_plane(2)]}
    alone, together = (patches.make_examples(recordings, 12, seed=4, processes=n) for n in (1, 2))
    assert np.array_equal(alone.patches, together.patches)
    assert np.array_equal(alone.masks, together.masks)
    assert alone.patches.shape[1:] == (len(CHANNELS), 32, 32)
    assert (alone.masks == 1).any()
    assert np.isfinite(alone.patches).all()
