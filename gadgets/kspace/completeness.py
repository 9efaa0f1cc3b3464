"""What a whole scan lacks: slices, repetitions … that the MRD header announces and the stream never brought."""

from __future__ import annotations

from collections.abc import Sequence

from gadgets.indices import Indices
from gadgets.kspace.readout import Encoding


class SeenKSpaces:
    """Notes which k-spaces came.

    Parameters
    ----------
    encodings
        Those of the MRD header.
    """

    def __init__(self, encodings: Sequence[Encoding]) -> None:
        self._encodings = tuple(encodings)
        self._largest: dict[int, dict[str, int]] = {}

    def note(self, indices: Indices) -> None:
        """Note one k-space."""
        largest = self._largest.setdefault(indices.encoding, {})
        for name, value in indices.model_dump(exclude={"encoding"}).items():
            largest[name] = max(largest.get(name, 0), value)

    def warning(self) -> str:
        """Say, once the stream has ended, what never came; empty where all of it did.

        Encodings of which nothing came are not expected: many headers describe more than one scan uses.
        """
        missing = [
            f"{name} {largest + 1} to {last} of encoding {number}"
            for number, seen in sorted(self._largest.items())
            for name, largest in seen.items()
            if largest < (last := getattr(self._encodings[number].last, name))
        ]
        return f"the stream ended before {', '.join(missing)}, which the header announces" if missing else ""
