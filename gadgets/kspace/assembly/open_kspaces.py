"""The k-spaces that wait for readouts, in the order in which they were opened, and which of them are kin.

A scan may have thousands open at once. What one more has to do with those of other slices, it must not be asked of all.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from gadgets.indices import Indices
from gadgets.kspace.assembly.layers import Key, Layers


class OpenKSpaces(Mapping[Key, Layers]):
    """The k-spaces that wait, by their keys."""

    def __init__(self) -> None:
        # A dict keeps the order in which its keys came.
        self._open: dict[Key, Layers] = {}
        self._kin: dict[Indices, dict[Key, Layers]] = {}
        self._alike: dict[Indices, dict[Key, None]] = {}
        self._numbers: dict[Key, int] = {}
        self._next = itertools.count()

    def __getitem__(self, key: Key) -> Layers:
        return self._open[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)

    def open(self, key: Key, layers: Layers) -> Layers:
        """Let a k-space wait that does not yet."""
        self._open[key] = layers
        self._kin.setdefault(_family_of(key), {})[key] = layers
        self._alike.setdefault(key.indices, {})[key] = None
        self._numbers[key] = next(self._next)
        return layers

    def close(self, key: Key) -> Layers | None:
        """Give what came of a k-space, which waits no longer; None where it does not wait."""
        layers = self._open.pop(key, None)
        if layers is not None:
            family = _family_of(key)
            del self._numbers[key], self._kin[family][key], self._alike[key.indices][key]
            # Empty ones would be left behind for as long as the stream lasts.
            if not self._kin[family]:
                del self._kin[family]
            if not self._alike[key.indices]:
                del self._alike[key.indices]
        return layers

    def kin_of(self, key: Key, fewest: int = 0) -> list[Key]:
        """Give those of other repetitions and averages, or of other receivers, and itself if it waits.

        Of so many readouts at least; keys are not compared, which would take long where there are thousands.
        """
        kin = self._kin.get(_family_of(key), {})
        return [each for each, layers in kin.items() if len(layers) >= fewest]

    def alike(self, key: Key) -> list[Key]:
        """Give those with the same counters, of whatever receivers."""
        # A copy: whoever asks closes some of them meanwhile.
        return list(self._alike.get(key.indices, ()))

    def count(self, keys: Iterable[Key]) -> dict[Key, int]:
        """Count the readouts of those that wait, in the order of their opening."""
        waiting = {self._numbers[key]: key for key in keys if key in self._numbers}
        return {waiting[number]: len(self._open[waiting[number]]) for number in sorted(waiting)}


def _family_of(key: Key) -> Indices:
    return key.indices.model_copy(update={"repetition": 0, "average": 0})
