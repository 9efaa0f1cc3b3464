import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers.builders import encoding, header_xml
from helpers.raw_scans import make_raw_file, scan_items
from ismrmrd.hdf5 import waveform_header_dtype

from gadgets.errors import RawDataError, SettingsError
from gadgets.kspace.readout import is_imaging
from pipelines.benchmark.readouts import noise_sigma
from pipelines.files.raw_file import RawFile
from pipelines.files.raw_items import RawAcquisition, RawWaveform
from pipelines.files.raw_writer import write_raw_file
from pipelines.files.read_kspaces import read_kspaces
from pipelines.phantom.draw_sparks import SparkPlan
from pipelines.phantom.spark_truth import Truth
from pipelines.phantom.sparked_file import draw_sparks, simulate_file


def items_of(path):
    with RawFile(path) as raw:
        return list(raw), raw.header_xml


def added_by(truth):
    """Everything that was put in, by acquisition: the sum over sparks, receiver by receiver, sample by sample."""
    added = {}
    for spark in truth.sparks:
        for coil, gain in enumerate(spark.gains):
            for offset, value in enumerate(spark.burst):
                place = spark.acquisition, coil, spark.first_sample + offset
                added[place] = added.get(place, 0) + spark.peak_amplitude * complex(*gain) * complex(*value)
    return added


def test_the_truth_explains_every_difference(phantom_file, tmp_path):
    simulate_file(phantom_file, tmp_path / "out.h5", tmp_path / "t.json", SparkPlan(seed=5))
    truth = Truth.read(tmp_path / "t.json")
    (clean, clean_xml), (sparked, sparked_xml) = items_of(phantom_file), items_of(tmp_path / "out.h5")
    added = added_by(truth)
    assert clean_xml == sparked_xml
    assert len(clean) == len(sparked)
    for number, (before, after) in enumerate(zip(clean, sparked, strict=True)):
        assert after.header == before.header
        expected = before.data.astype(np.complex128)
        for coil, sample in np.ndindex(before.data.shape):
            expected[coil, sample] += added.get((number, coil, sample), 0)
        np.testing.assert_allclose(after.data, expected, rtol=1e-5, atol=1e-4)
        if not any(place[0] == number for place in added):
            assert after.to_bytes() == before.to_bytes()
    assert {place[0] for place in added} == {spark.acquisition for spark in truth.sparks}


def test_the_truth_names_the_readout(phantom_file, tmp_path):
    truth = simulate_file(
        phantom_file, tmp_path / "out.h5", tmp_path / "t.json", SparkPlan(seed=2, rnr_min=0.5, rnr_max=2)
    )
    acquisitions = [item for item in items_of(phantom_file)[0] if isinstance(item, RawAcquisition)]
    kspaces = {acquired.kspace.indices: acquired.kspace for acquired in read_kspaces(phantom_file)}
    assert len(truth.kspaces) == len(kspaces)
    for spark in truth.sparks:
        fields = acquisitions[spark.acquisition].fields
        assert is_imaging(int(fields["flags"]))
        assert spark.scan_counter == fields["scan_counter"]
        assert spark.time_stamp == fields["acquisition_time_stamp"]
        assert spark.line == fields["idx"]["kspace_encode_step_1"]
        assert spark.indices.slice == fields["idx"]["slice"]
        assert spark.receivers == tuple(coil for coil, gain in enumerate(spark.gains) if gain != (0, 0))
        unit = noise_sigma(kspaces[spark.indices]) * np.sqrt(kspaces[spark.indices].sampled.sum())
        assert spark.peak_amplitude == pytest.approx(spark.rnr * unit)
        assert max(abs(complex(*gain)) for gain in spark.gains) == pytest.approx(1)
        if spark.repeat_of is None:
            assert 0.5 <= spark.rnr <= 2
        else:
            original = truth.sparks[spark.repeat_of]
            assert spark.first_column == original.first_column
            assert spark.gains == original.gains
            assert spark.scan_counter > original.scan_counter


def test_some_sparks_repeat_and_some_hit_one_receiver(phantom_file):
    # Few in each, as there are few lines near the centre and each has room for one.
    plans = [SparkPlan(seed=seed, events=4, centre_share=0.8) for seed in range(15)]
    sparks = [spark for plan in plans for spark in draw_sparks(phantom_file, plan).sparks]
    assert any(spark.repeat_of is not None for spark in sparks)
    assert any(len(spark.receivers) == 1 for spark in sparks)
    inner = np.mean([spark.radius < 0.1 for spark in sparks if spark.repeat_of is None])
    assert 0.3 < inner < 0.7


def test_a_readout_holds_one_spark_at_most(phantom_file, tmp_path):
    plan = SparkPlan(seed=1, events=500, centre_share=0.8)
    truth = simulate_file(phantom_file, tmp_path / "out.h5", tmp_path / "t.json", plan)
    hit = [spark.acquisition for spark in truth.sparks]
    assert len(hit) == len(set(hit))
    # Both slices have 32 lines; one of them got as many as it can hold.
    assert max(Counter(spark.indices for spark in truth.sparks).values()) == 32


def test_same_seed_same_file(phantom_file, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        simulate_file(phantom_file, tmp_path / f"{name}.h5", tmp_path / f"{name}.json", SparkPlan(seed=seed))
    first, again, other = ([item.to_bytes() for item in items_of(tmp_path / f"{name}.h5")[0]] for name in "abc")
    assert first == again != other


def make_waveform(values):
    head = np.zeros(1, dtype=waveform_header_dtype)
    head["number_of_samples"], head["channels"], head["waveform_id"] = len(values), 1, 1
    return RawWaveform(head.tobytes(), np.array([values], np.uint32))


def test_waveforms_are_copied(phantom_file, tmp_path):
    items, xml = items_of(phantom_file)
    with_waveform = tmp_path / "waves.h5"
    waveform = make_waveform([7, 8, 9])
    write_raw_file(with_waveform, xml, [*items, waveform])
    simulate_file(with_waveform, tmp_path / "out.h5", tmp_path / "t.json", SparkPlan())
    with RawFile(tmp_path / "out.h5") as raw:
        (copy,) = raw.waveforms()
    assert copy.to_bytes() == waveform.to_bytes()


def test_no_output_over_the_input(phantom_file, tmp_path):
    before = phantom_file.read_bytes()
    for output, truth in ((phantom_file, tmp_path / "t.json"), (tmp_path / "o.h5", phantom_file)):
        with pytest.raises(RawDataError, match="would overwrite"):
            simulate_file(phantom_file, output, truth, SparkPlan())
    with pytest.raises(RawDataError, match="would overwrite"):
        simulate_file(phantom_file, tmp_path / "x", tmp_path / "x", SparkPlan())
    assert phantom_file.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_input_leaves_nothing_behind(phantom_file, tmp_path):
    damaged = tmp_path / "damaged.h5"
    damaged.write_bytes(phantom_file.read_bytes())
    with h5py.File(damaged, "r+") as file:
        del file["dataset/xml"]
    with pytest.raises(RawDataError):
        simulate_file(damaged, tmp_path / "o.h5", tmp_path / "t.json", SparkPlan())
    assert list(tmp_path.iterdir()) == [damaged]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rnr_min": 0.0}, "expected 0 < rnr-min <= rnr-max, found rnr-min 0 and rnr-max 4"),
        ({"rnr_min": 3.0, "rnr_max": 1.0}, "found rnr-min 3 and rnr-max 1"),
        ({"events": 0}, "expected at least 1 event per k-space, found 0"),
    ],
)
def test_plans_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        SparkPlan(**changes)


@pytest.mark.parametrize(("n_samples", "times", "said"), [(3, 1, "a spark, found 3"), (16, 1e37, "single precision")])
def test_readouts_without_room_for_a_spark_are_refused(tmp_path, n_samples, times, said):
    items = [
        replace(item, data=item.data * np.complex64(times)) for item in scan_items(n_lines=16, n_samples=n_samples)[1:]
    ]
    raw = make_raw_file(tmp_path / "raw.h5", items, header_xml([encoding(16, n_samples)]))
    with pytest.raises(RawDataError, match=said):
        list(map(draw_sparks, [raw] * 20, map(SparkPlan, range(20))))


def test_a_file_whose_name_is_no_text_is_named_byte_by_byte(phantom_file, tmp_path):
    raw = Path(os.fsdecode(os.fsencode(tmp_path) + b"/scan\xff.h5"))
    raw.write_bytes(phantom_file.read_bytes())
    simulate_file(raw, tmp_path / "s.h5", tmp_path / "t.json", SparkPlan())
    assert Truth.read(tmp_path / "t.json").source == "scan\\xff.h5"


def test_every_real_file_takes_sparks(each_raw_file, tmp_path):
    if each_raw_file.stem == "brain_8ch_poisson_kykz":
        # Most of its samples are exact zeros: nothing to measure the strength of a spark by.
        with pytest.raises(RawDataError, match="expected noise at both ends"):
            simulate_file(each_raw_file, tmp_path / "o.h5", tmp_path / "t.json", SparkPlan())
        return
    truth = simulate_file(each_raw_file, tmp_path / "o.h5", tmp_path / "t.json", SparkPlan(seed=1))
    hit = {spark.acquisition for spark in truth.sparks}
    with RawFile(each_raw_file) as before, RawFile(tmp_path / "o.h5") as after:
        assert after.header_xml == before.header_xml
        for number, (old, new) in enumerate(zip(before.acquisitions(), after.acquisitions(), strict=True)):
            assert new.header == old.header
            assert number in hit or new.to_bytes() == old.to_bytes()
    assert truth.sparks
