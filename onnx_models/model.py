"""One opened model: named arrays in, named arrays out, in batches that suit what it runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onnx_models.errors import ModelError, ProviderError
from onnx_models.model_entry import ModelEntry, Shape
from onnx_models.providers import CUDA, DTYPES, example_inputs, run_session

if TYPE_CHECKING:
    import onnxruntime

Spread = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]

# A GPU chooses algorithms and memory for every new batch size: only these occur, what is missing is padded.
CUDA_BATCHES = (32, 128, 512)
# A CPU pays for padded rows; measured on patches of 32x32, 4 to 32 rows are fastest, and from 64 on the arrays of
# a U-Net leave the cache (15 % slower). ONNX Runtime keeps what one batch needs, for each thread: few rows, little.
CPU_BATCH = 8


class Rows(Protocol):
    """An array, or what has its shape and makes some of its rows when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole."""

    def __getitem__(self, rows: slice, /) -> ArrayLike:
        """Give some rows, as an array or what can be made one."""


class Model:
    """Thin class around one session; ``run`` may be called from several threads at once.

    Parameters
    ----------
    entry
        What the manifest says of the model.
    session
        The session that was opened for it, with the inputs and outputs of the entry.
    spread
        Runs batches on the CPU, in their order or side by side, and gives their results in order, as ``map`` does.
    """

    def __init__(self, entry: ModelEntry, session: onnxruntime.InferenceSession, spread: Spread = map) -> None:
        self.entry = entry
        self._session = session
        # A GPU has no use for threads: batches wait for each other there.
        self._spread: Spread = map if self.provider == CUDA else spread
        # Asked once, as arrays are converted at every run.
        self._dtypes = {value.name: DTYPES[value.type] for value in session.get_inputs()}

    @property
    def provider(self) -> str:
        """What the opened session runs on: ``CUDAExecutionProvider`` or ``CPUExecutionProvider``."""
        return str(self._session.get_providers()[0])

    def run(self, **inputs: Rows) -> dict[str, NDArray[Any]]:
        """Run the model on any number of rows (first axis of every array), none included.

        Parameters
        ----------
        inputs
            An array for each input of the manifest entry, shaped as it says, or what makes one batch after the other.

        Returns
        -------
            The outputs of the manifest entry by name, one row per input row.

        Raises
        ------
        ModelError
            Names or shapes of the arrays, or of what the model gives, are not those of the manifest entry.
        ProviderError
            The inference failed, or what it gave is not finite.
        """
        result = self._run(inputs)
        for name, values in result.items():
            # Compared with a threshold, NaN would pass for "no spark".
            if not np.isfinite(values).all():
                raise ProviderError(f"model {self.entry.name}: expected numbers as {name!r}, found NaN or Inf")
        return result

    def _run(self, inputs: Mapping[str, Rows]) -> dict[str, NDArray[Any]]:
        self._check(inputs)
        n_rows = next(iter(inputs.values())).shape[0]
        names = list(self.entry.outputs)

        def run_batch(batch: tuple[slice, int]) -> list[NDArray[Any]]:
            rows, size = batch
            # Converted here: ONNX Runtime refuses a float64, which NumPy makes easily.
            parts = {name: np.asarray(array[rows], dtype=self._dtypes[name]) for name, array in inputs.items()}
            padded = {name: _padded(part, size) for name, part in parts.items()}
            results = run_session(self._session, self.entry.name, names, padded)
            self._check_outputs(padded, dict(zip(names, results, strict=True)))
            # Padded rows were computed with the others; nobody asked for them.
            return [result[: rows.stop - rows.start] for result in results]

        parts: Iterable[list[NDArray[Any]]] = self._spread(run_batch, self._batches(n_rows))
        columns = zip(*parts, strict=True)
        return {name: np.concatenate(column) for name, column in zip(names, columns, strict=True)}

    def warm_up(self, lengths: Mapping[str, int] | None = None) -> None:
        """Run every batch size once, so that the first k-space of a scan is not the slow one.

        Parameters
        ----------
        lengths
            Of the axes that may vary, by the words of the manifest entry, as the scan will have them.

        Raises
        ------
        ProviderError
            The inference failed, on memory for example.
        """
        for size in CUDA_BATCHES if self.provider == CUDA else (CPU_BATCH,):
            examples = example_inputs(self._session, size)
            # Of zeros, a model that normalises its patches gives no numbers.
            self._run({name: self._with_lengths(name, values, lengths or {}) for name, values in examples.items()})

    def _with_lengths(self, name: str, values: NDArray[Any], lengths: Mapping[str, int]) -> NDArray[Any]:
        words = self.entry.inputs[name]
        shape = [lengths.get(str(word), length) for word, length in zip(words, values.shape, strict=True)]
        return np.zeros(shape, dtype=values.dtype)

    def _batches(self, n_rows: int) -> Iterator[tuple[slice, int]]:
        return padded_batches(n_rows, CUDA_BATCHES) if self.provider == CUDA else whole_batches(n_rows, CPU_BATCH)

    def _check(self, inputs: Mapping[str, Rows]) -> None:
        expected = self.entry.inputs
        if inputs.keys() != expected.keys():
            raise ModelError(f"model {self.entry.name}: expected the inputs {sorted(expected)}, found {sorted(inputs)}")
        misfit = any(not shape_fits(inputs[name].shape, shape) for name, shape in expected.items())
        if misfit or len({array.shape[0] for array in inputs.values()}) > 1:
            found = {name: array.shape for name, array in inputs.items()}
            raise ModelError(f"model {self.entry.name}: expected inputs of the shapes {expected}, found {found}")

    def _check_outputs(self, inputs: Mapping[str, NDArray[Any]], outputs: Mapping[str, NDArray[Any]]) -> None:
        """Compare what came with the lengths that the inputs have: a session keeps to no length that it leaves open."""
        lengths = {
            word: length
            for name, array in inputs.items()
            for word, length in zip(self.entry.inputs[name], array.shape, strict=True)
            if isinstance(word, str)
        }
        for name, array in outputs.items():
            expected = tuple(
                lengths.get(axis, axis) if isinstance(axis, str) else axis for axis in self.entry.outputs[name]
            )
            if not shape_fits(array.shape, expected):
                # Of too few rows, one would stand for all: broadcasting says nothing.
                raise ModelError(
                    f"model {self.entry.name}: expected {name!r} of the shape {expected}, found {array.shape}"
                )


def shape_fits(found: tuple[int | str | None, ...], expected: Shape) -> bool:
    """Compare a shape with that of a manifest: numbers must agree, words stand for any length."""
    return len(found) == len(expected) and all(
        isinstance(length, str) or length == here for here, length in zip(found, expected, strict=True)
    )


def whole_batches(n_rows: int, size: int) -> Iterator[tuple[slice, int]]:
    """Divide rows into batches of at most ``size``; no rows make one batch with a single padded row.

    Yields
    ------
        The rows of a batch, and its size.
    """
    for start in range(0, max(n_rows, 1), size):
        stop = min(start + size, n_rows)
        # One padded row where there is none: the shapes of the outputs come from the session, and not from a guess.
        yield slice(start, stop), max(stop - start, 1)


def padded_batches(n_rows: int, sizes: tuple[int, ...]) -> Iterator[tuple[slice, int]]:
    """Divide rows into batches of the given sizes (ascending), every one but the smallest at least half full.

    Yields
    ------
        The rows of a batch, and the size to which they are padded.
    """
    start = 0
    while start < max(n_rows, 1):
        left = n_rows - start
        # The largest that is at least half full: more padding would cost more than another run.
        size = next((size for size in reversed(sizes) if 2 * left >= size), sizes[0])
        stop = min(start + size, n_rows)
        yield slice(start, stop), size
        start += size


def _padded(rows: NDArray[Any], size: int) -> NDArray[Any]:
    missing = size - rows.shape[0]
    if missing == 0:
        return np.ascontiguousarray(rows)
    return np.concatenate([rows, np.zeros((missing, *rows.shape[1:]), dtype=rows.dtype)])
