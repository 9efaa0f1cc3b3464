"""The predictor: makes candidates for the bursts of one k-space, and measures how good they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gadgets.arrays import FloatArray
from gadgets.errors import ModelError
from gadgets.kspace import has_partner
from gadgets.repair.alone import least_error
from gadgets.repair.at_hand import AtHand
from gadgets.repair.bursts import Burst, Surroundings
from gadgets.repair.candidates import CONSISTENT, Candidate, beside, best_of
from gadgets.repair.ground import Groundwork, root_mean_square
from gadgets.repair.interpolation import predict_burst
from gadgets.repair.network import Known, ValueAssignment, Windows, windows_of
from gadgets.repair.series import SeriesPredictor
from gadgets.series import Witness

KERNEL_REHEARSALS = 2  # places of each burst: every one takes a fit of its own
MOST_KERNELS = 24  # bursts that kernels are fitted for: bounds the time where everything is flagged


class Predictor:
    """Makes candidates for the bursts of one k-space; what several bursts need is the :class:`Groundwork`.

    Parameters
    ----------
    around
        The k-space with all flagged samples marked.
    bursts
        Everything that is flagged.
    assignment
        The opened value assignment model, for :meth:`network`.
    witness
        What earlier k-spaces of this place say, for :meth:`auto`.
    levels
        As in :class:`Groundwork`.
    """

    def __init__(
        self,
        around: Surroundings,
        bursts: Sequence[Burst],
        assignment: ValueAssignment | None = None,
        witness: Witness | None = None,
        levels: Mapping[int, FloatArray] | None = None,
    ) -> None:
        self.around = around
        self._ground = Groundwork(around, bursts, levels)
        self._assignment = assignment
        self._known: dict[int, AtHand] = {}
        self._n_kernels = 0
        self._series = None if witness is None else SeriesPredictor(witness, self._ground, bursts)

    def zero(self, burst: Burst) -> Candidate:
        """Put zero: as good as anything where there is only noise."""
        return self._at_hand(burst).zero(burst)

    def conjugate(self, burst: Burst) -> Candidate | None:
        """Take the partners on the other side of the centre; None where one is missing or the centre is not sure."""
        places = [(burst.partition, burst.line, sample) for sample in range(burst.start, burst.stop)]
        partners = [has_partner(self.around.clean, place, self._ground.centre)[burst.receivers] for place in places]
        if not np.all(partners) or not self._ground.is_centre_sure:
            return None
        predicted = self._ground.from_partners[:, burst.partition]
        ground = self._ground.of(burst.partition)
        error = ground.nearby_error(self.around.data[:, burst.partition], burst, truth=predicted)
        level, here = (ground.row.part(row, burst) for row in (ground.levels, ground.predicted))
        # What partners get wrong grows with the signal, and near the centre no other place is as loud as this one.
        louder = np.abs(here) / np.where(level > 0, level, 1)
        return Candidate("conjugate", burst.of(self._ground.from_partners), error * np.maximum(louder, 1))

    def support(self, burst: Burst) -> Candidate:
        """Interpolate over the whole partition, by the background of the image."""
        return self._at_hand(burst).support(burst)

    def _at_hand(self, burst: Burst) -> AtHand:
        partition = burst.partition
        if partition not in self._known:
            self._known[partition] = AtHand(self._ground, partition)
        return self._known[partition]

    def kernel(self, burst: Burst, support: Candidate, best: Candidate | None = None) -> Candidate | None:
        """Interpolate from the neighbours, over all receivers; None where too few places have their pattern.

        Where there is a best candidate so far, None as well if this one is no better.
        """
        self._n_kernels += 1
        prediction = predict_burst(self.around, burst) if self._n_kernels <= MOST_KERNELS else None
        if prediction is None:
            return None
        unrehearsed = Candidate("interpolation", prediction.values, prediction.error)
        # Rehearsals can only add to its error, and each of them takes a fit of its own: of 24 kernels that were fitted
        # in two crowds and among 200 sparks, 3 could still win.
        if best is not None and beside(support, unrehearsed).total_error >= best.total_error:
            return None
        wrong = []
        for place in self._ground.rehearse(burst.partition).places.get(burst, [])[:KERNEL_REHEARSALS]:
            rehearsed = predict_burst(self.around, place)
            wrong += [] if rehearsed is None else [rehearsed.values - place.of(self.around.data)]
        return replace(unrehearsed, error=np.maximum(prediction.error, root_mean_square(wrong)))

    def interpolation(self, burst: Burst) -> Candidate:
        """Interpolate by the background or by the neighbours, whichever is measured better."""
        support = self.support(burst)
        if self.is_good_enough(burst):
            return support
        return best_of(support, self.kernel(burst, support))

    def network(self, burst: Burst) -> Candidate:
        """Let the network say what to add to the interpolation; needs the opened model.

        The error is that of the interpolation, which was measured: what the network gains on it is not counted.
        """
        if self._assignment is None:
            raise ModelError("expected an opened value assignment model for a repair by the network, found none")
        base, windows = self.windows(burst)
        values = base.values + self._assignment.correction(windows)
        missing = burst.of(self.around.missing)
        return Candidate("network", np.where(missing, values, base.values), base.error)

    def windows(self, burst: Burst) -> tuple[Candidate, Windows]:
        """Give the interpolation and what the network looks at.

        Partners and neighbours are asked where the background is not enough, as in :meth:`interpolation`.
        """
        support = self.support(burst)
        is_enough = self.is_good_enough(burst)
        kernel = None if is_enough else self.kernel(burst, support)
        base = best_of(support, kernel)
        partners = None if is_enough or not self._ground.is_centre_sure else self._ground.partners(burst.partition)
        around = self.around
        missing, clean = around.missing[:, burst.partition], around.clean[:, burst.partition]
        known = Known(
            around.data[:, burst.partition], self._ground.of(burst.partition).support, missing, clean, partners
        )
        return base, windows_of(known, burst, base, support, kernel)

    def auto(self, burst: Burst, series: Candidate | None) -> Candidate:
        """Take the candidate that is measured best here, `series` being what :meth:`series` says."""
        at_hand = self._at_hand(burst)
        chosen = at_hand.better(burst)
        if not self.is_good_enough(burst):
            support, zero = at_hand.support(burst), at_hand.zero(burst)
            chosen = best_of(support, zero, self.kernel(burst, support, chosen), self.conjugate(burst))
        # Doubt speaks against any change, not for another method.
        doubt = self._ground.of(burst.partition).support.doubt
        if doubt is not None:
            here = doubt.at(burst.receivers, burst.line, slice(burst.start, burst.stop))
            chosen = replace(chosen, error=np.maximum(chosen.error, here))
        # Straight edges are loud in the echo's own readout and column alone: of these, places nearby say nothing.
        least = least_error(self.around, burst, self._ground.centre)
        if least.any():
            chosen = replace(chosen, error=np.maximum(chosen.error, least))
        return chosen if series is None or _is_confirmed(chosen, series) else series

    def series(self, burst: Burst) -> Candidate | None:
        """Predict from earlier k-spaces of this place; None where these say nothing."""
        return None if self._series is None else self._series.candidate(burst)

    def is_good_enough(self, burst: Burst) -> bool:
        """Tell whether the background is about as good here as predictions are elsewhere in this partition."""
        return self._at_hand(burst).is_good_enough(burst)


def _is_confirmed(chosen: Candidate, series: Candidate) -> bool:
    """Tell whether another candidate is better than the series, which has nothing to say against it.

    In a crowd, what nobody has flagged yet spoils the other predictions more than they show; not that of the series.
    """
    agrees = np.abs(chosen.values - series.values) <= CONSISTENT * series.error
    return bool(chosen.total_error < series.total_error and agrees.all())
