"""Physical sparks into a raw file, for acceptance tests.

Complex and additive, in the samples as recorded: a burst of up to six samples of one readout, in all receivers with
different gains and phases or in a single one; some come back at the same sample of later readouts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.errors import RawDataError
from gadgets.findings import ranges_of
from gadgets.kspace import KSpace
from pipelines.benchmark import noise_sigma
from pipelines.files import (
    RawAcquisition,
    RawFile,
    RawItem,
    check_apart,
    check_folder,
    check_text,
    read_kspaces,
    readable,
    whole_or_nothing,
    write_raw_file,
)
from pipelines.phantom.compare_truth import added_at_peak, peak_of, strongest
from pipelines.phantom.draw_sparks import SparkPlan, draw_in_kspace
from pipelines.phantom.spark_truth import SimulatedKSpace, SimulatedSpark, Truth
from pipelines.phantom.steps import OnStep, ignore, watched


def simulate_file(
    raw_file: Path, output: Path, truth: Path, plan: SparkPlan, group: str = "dataset", on_written: OnStep = ignore
) -> Truth:
    """Read a raw file twice: once to draw the sparks, once to copy it with them.

    Parameters
    ----------
    raw_file, output, truth
        To read and to write.
    plan
        Which sparks are put in.
    group
        Of the raw data in the file.
    on_written
        Called with the number of acquisitions and waveforms that were written, and of all.

    Raises
    ------
    RawDataError
        The file cannot be read or written, an output would replace it, or it holds no imaging data.
    """
    check_folder(output)
    check_apart([output, truth], [raw_file])
    check_text(truth)
    result = draw_sparks(raw_file, plan, group)
    with RawFile(raw_file, group) as raw, whole_or_nothing(truth) as temporary:
        result.write(temporary)
        items = watched(raw, raw.n_acquisitions + raw.n_waveforms, on_written)
        write_raw_file(output, raw.header_xml, with_sparks(items, result.sparks), group)
    return result


def draw_sparks(raw_file: Path, plan: SparkPlan, group: str = "dataset") -> Truth:
    """Draw the sparks of all k-spaces of a file.

    Raises
    ------
    RawDataError
        The file cannot be read, or holds no imaging data.
    """
    sparks: list[SimulatedSpark] = []
    kspaces: list[SimulatedKSpace] = []
    for number, acquired in enumerate(read_kspaces(raw_file, group)):
        # Of each k-space by itself: its sparks do not depend on how many random numbers those before took.
        rng = np.random.default_rng([plan.seed, number])
        indices, n_samples = acquired.kspace.indices, int(np.count_nonzero(acquired.kspace.sampled))
        kspaces.append(SimulatedKSpace(indices=indices, sigma=noise_sigma(acquired.kspace), n_samples=n_samples))
        drawn = draw_in_kspace(acquired, plan, rng, n_before=len(sparks)) if plan.is_hit(indices) else []
        sparks += [_with_sample(acquired.kspace, spark, drawn) for spark in drawn]
    there = {kspace.indices.repetition for kspace in kspaces}
    if absent := sorted(set(plan.repetitions) - there):
        raise RawDataError(
            f"{raw_file}: expected repetitions of this file ({ranges_of(there)}), found {ranges_of(absent)}"
        )
    return Truth(source=readable(Path(raw_file.name)), seed=plan.seed, kspaces=tuple(kspaces), sparks=tuple(sparks))


def _with_sample(kspace: KSpace, spark: SimulatedSpark, drawn: Sequence[SimulatedSpark]) -> SimulatedSpark:
    """Note what the file will hold at the largest sample, by which the file is known again."""
    coil = strongest(spark)
    value = complex(kspace.data[(coil, *peak_of(spark))]) + complex(added_at_peak(spark, drawn)[coil])
    # JSON has no word for what is not a number.
    return spark.model_copy(update={"sparked": (value.real, value.imag)}) if np.isfinite(value) else spark


def with_sparks(items: Iterable[RawItem], sparks: Sequence[SimulatedSpark]) -> Iterator[RawItem]:
    """Add the sparks to the readouts they belong to; headers and everything else stay as they are."""
    by_acquisition: dict[int, list[SimulatedSpark]] = {}
    for spark in sparks:
        by_acquisition.setdefault(spark.acquisition, []).append(spark)
    number = 0
    for item in items:
        if isinstance(item, RawAcquisition):
            hits = by_acquisition.get(number, [])
            number += 1
            # With its header as it was: nothing but the samples may tell that a spark was put in.
            yield replace(item, data=_add(item.data, hits)) if hits else item
        else:
            yield item


def _add(data: ComplexArray, sparks: Sequence[SimulatedSpark]) -> ComplexArray:
    result = data.copy()
    for spark in sparks:
        gains, burst = (np.array([complex(*value) for value in values]) for values in (spark.gains, spark.burst))
        added = spark.peak_amplitude * gains[:, np.newaxis] * burst
        result[:, spark.first_sample : spark.first_sample + spark.n_samples] += added.astype(result.dtype)
    return result
