from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.small_models import expected_logits, make_folder
from hypothesis import given
from hypothesis import strategies as st

from onnx_models.errors import ModelError, ProviderError
from onnx_models.loader import open_model
from onnx_models.model import CPU_BATCH, CUDA_BATCHES, Model, padded_batches, shape_fits, whole_batches
from onnx_models.providers import CPU, CUDA


class RecordingSession:
    """Takes the classifier's inputs, notes the batch sizes and answers with the sum of each row."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.sizes: list[int] = []

    def get_providers(self):
        return [self.provider]

    def get_inputs(self):
        shapes = {"patches": ["n", 2, 8, 8], "position": ["n", 2]}
        return [SimpleNamespace(name=name, shape=shape, type="tensor(float)") for name, shape in shapes.items()]

    def run(self, names, inputs, _options):
        assert names == ["spark_logits"]
        assert {array.dtype for array in inputs.values()} == {np.dtype(np.float32)}
        self.sizes.append(len(inputs["patches"]))
        return [inputs["patches"].sum(axis=(1, 2, 3))[:, None] + np.arange(3, dtype=np.float32)]


@pytest.fixture
def entry(tmp_path):
    return make_folder(tmp_path)


def arrays(n_rows, seed=3):
    rng = np.random.default_rng(seed)
    return {"patches": rng.standard_normal((n_rows, 2, 8, 8)), "position": rng.standard_normal((n_rows, 2))}


@pytest.mark.parametrize("n_rows", [0, 1, CPU_BATCH - 1, CPU_BATCH, CPU_BATCH + 1, 3 * CPU_BATCH + 5])
def test_rows_come_back_in_order_whatever_their_number(tmp_path, entry, n_rows):
    model = open_model(entry, tmp_path, "cpu")
    given_arrays = arrays(n_rows)
    logits = model.run(**given_arrays)["spark_logits"]
    assert logits.shape == (n_rows, 3)
    np.testing.assert_allclose(logits, expected_logits(**given_arrays), rtol=1e-4, atol=1e-4)


def test_rows_may_be_made_when_they_are_asked_for(tmp_path, entry):
    class MadeLater:
        def __init__(self, array):
            self._array, self.shape, self.asked = array, array.shape, []

        def __getitem__(self, rows):
            self.asked.append(rows.stop - rows.start)
            return self._array[rows]

    model, n_rows = open_model(entry, tmp_path, "cpu"), 2 * CPU_BATCH + 3
    given_arrays = arrays(n_rows)
    later = {name: MadeLater(array) for name, array in given_arrays.items()}
    assert np.array_equal(model.run(**later)["spark_logits"], model.run(**given_arrays)["spark_logits"])
    assert later["patches"].asked == [CPU_BATCH, CPU_BATCH, 3]


@pytest.mark.parametrize("n_rows", [0, 1, 33, 448, 700])
def test_on_a_gpu_only_the_known_batch_sizes_occur(entry, n_rows):
    session = RecordingSession(CUDA)
    given_arrays = arrays(n_rows)
    sums = Model(entry, session).run(**given_arrays)["spark_logits"][:, 0]
    np.testing.assert_allclose(sums, given_arrays["patches"].sum(axis=(1, 2, 3)), atol=1e-4)
    assert set(session.sizes) <= set(CUDA_BATCHES)


def test_a_model_that_makes_no_number_of_zeros_is_warmed_up_all_the_same(entry):
    class Normalises(RecordingSession):
        def run(self, names, inputs, options):
            unit = 1.0 if inputs["patches"].any() else np.nan
            return [unit * each for each in super().run(names, inputs, options)]

    model = Model(entry, Normalises(CPU))
    model.warm_up()
    assert np.isfinite(model.run(**arrays(2))["spark_logits"]).all()


@pytest.mark.parametrize(("provider", "sizes"), [(CUDA, list(CUDA_BATCHES)), (CPU, [CPU_BATCH])])
def test_warming_up_runs_every_batch_size(entry, provider, sizes):
    session = RecordingSession(provider)
    Model(entry, session).warm_up()
    assert session.sizes == sizes


def test_many_threads_may_share_a_model(tmp_path, entry):
    model = open_model(entry, tmp_path, "cpu")
    cases = [arrays(n_rows, seed=n_rows) for n_rows in range(1, 40)]
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(lambda case: model.run(**case)["spark_logits"], cases)
    for case, logits in zip(cases, results, strict=True):
        np.testing.assert_allclose(logits, expected_logits(**case), rtol=1e-4, atol=1e-4)


def test_other_inputs_are_refused_by_name_and_shape(tmp_path, entry):
    model = open_model(entry, tmp_path, "cpu")
    with pytest.raises(
        ModelError, match=r"model m1: expected the inputs \['patches', 'position'\], found \['patches'\]"
    ):
        model.run(patches=np.zeros((1, 2, 8, 8)))
    with pytest.raises(ModelError, match="model m1: expected inputs of the shapes"):
        model.run(patches=np.zeros((1, 2, 8, 7)), position=np.zeros((1, 2)))
    with pytest.raises(ModelError, match="model m1: expected inputs of the shapes"):
        model.run(patches=np.zeros((2, 2, 8, 8)), position=np.zeros((3, 2)))


@given(n_rows=st.integers(0, 3000))
def test_padded_batches_cover_all_rows_once_and_are_half_full(n_rows):
    batches = list(padded_batches(n_rows, CUDA_BATCHES))
    covered = [row for rows, _ in batches for row in range(rows.start, rows.stop)]
    assert covered == list(range(n_rows))
    assert all(size == CUDA_BATCHES[0] or 2 * (rows.stop - rows.start) >= size for rows, size in batches)
    assert all(rows.stop - rows.start <= size for rows, size in batches)


@given(n_rows=st.integers(0, 300), size=st.integers(1, 50))
def test_whole_batches_cover_all_rows_once_without_padding(n_rows, size):
    batches = list(whole_batches(n_rows, size))
    covered = [row for rows, _ in batches for row in range(rows.start, rows.stop)]
    assert covered == list(range(n_rows))
    assert all(filled == max(rows.stop - rows.start, 1) <= size for rows, filled in batches)


def test_words_stand_for_any_length():
    assert shape_fits((7, 2), ("n", 2))
    assert shape_fits(("batch", 2), ("n", 2))
    assert not shape_fits((7, 3), ("n", 2))
    assert not shape_fits((7,), ("n", 2))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_an_error_and_not_a_no(entry, wrong):
    model = Model(entry, RecordingSession(CPU))
    rows = arrays(3)
    model.run(**rows)
    rows["patches"][2, 0, 0, 0] = wrong
    with pytest.raises(ProviderError, match="model m1: expected numbers as 'spark_logits', found NaN or Inf"):
        model.run(**rows)


@pytest.mark.parametrize("shape", [(1, 3), (0, 3), (7, 3), (5, 2), (5,), (5, 3, 1)])
def test_what_a_model_gives_has_the_shape_of_what_it_was_given(entry, shape, monkeypatch):
    monkeypatch.setattr(RecordingSession, "run", lambda *_: [np.zeros(shape, np.float32)])
    with pytest.raises(ModelError, match=r"model m1: expected 'spark_logits' of the shape \(5, 3\), found"):
        Model(entry, RecordingSession(CPU)).run(**arrays(5))
