"""Threads: results are the same for any number, and no core is taken twice."""

import multiprocessing
import os
from threading import Barrier, Thread, current_thread
from threading import enumerate as enumerate_threads

import numpy as np
import pytest
from helpers.connections import LIMIT_S
from helpers.kspaces import make_scan
from helpers.sparks import with_sparks
from scipy import fft

from gadgets.detection import open_detector
from gadgets.failing_open import calibrate
from gadgets.process import core_sharing, cores, in_parallel, meanwhile, threads
from gadgets.settings import CalibrationSettings, SparkDetectionSettings

SPARKS = {(0, 34, 44): None, (0, 30, 52): None, (0, 10, 50): None}


@pytest.fixture(autouse=True)
def own_tokens(monkeypatch, tmp_path):
    """Keep other tests, which run at the same time, from the cores of these."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))


@pytest.fixture(scope="module")
def results():
    """Detection and repair of one k-space by several numbers of threads."""
    kspace = with_sparks(make_scan(n_coils=12), SPARKS)
    found = {}
    for count in (1, 2, 3, 7):
        detector = open_detector(SparkDetectionSettings(provider="cpu", threads=count))
        detection = detector.detect(kspace)
        settings = CalibrationSettings(threads=count)
        data, record = calibrate(kspace, detection.points, settings, None, (), detection.repairs)
        found[count] = (detection.points, detection.target_patches, detection.repairs, record.points, data)
    return found


@pytest.mark.parametrize("count", [2, 3, 7])
def test_results_are_bit_identical_for_any_number_of_threads(results, count):
    assert results[1][0]
    assert results[count][:-1] == results[1][:-1]
    assert np.array_equal(results[count][-1], results[1][-1])


def test_pieces_come_back_in_their_order_and_from_several_threads():
    with threads(2) as count:
        assert count == 2
        # Both at once, this thread being one of them: each waits until the other has come as far.
        meet = Barrier(2, timeout=LIMIT_S)
        names = in_parallel(lambda _: (meet.wait(), current_thread().name)[1], range(2))
        assert in_parallel(lambda number: number**2, range(64)) == [number**2 for number in range(64)]
        assert in_parallel(lambda _: current_thread().name, [0]) == [current_thread().name]
    assert names[0] == current_thread().name
    assert names[1] != names[0]
    assert in_parallel(lambda _: current_thread().name, range(4)) == [current_thread().name] * 4


def test_a_call_is_made_meanwhile_in_another_thread_or_when_its_result_is_asked_for():
    made = []

    def call():
        made.append(current_thread().name)
        return len(made)

    with threads(2):
        assert meanwhile(call)() == 1
    waiting = meanwhile(call)
    assert made != [current_thread().name]
    assert len(made) == 1
    assert waiting() == 2
    assert made[1] == current_thread().name


def test_what_fails_meanwhile_fails_where_its_result_is_asked_for():
    with threads(2):
        result = meanwhile(lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            result()


def test_work_that_is_shared_out_is_not_shared_out_again():
    with threads(2):
        inner = in_parallel(lambda _: len({*in_parallel(lambda _: current_thread().name, range(8))}), range(8))
    assert set(inner) == {1}


def test_errors_of_a_piece_reach_whoever_shared_it_out():
    with threads(2), pytest.raises(ZeroDivisionError):
        in_parallel(lambda number: 1 / number, range(4))


def test_a_process_has_no_more_threads_whatever_is_asked_for():
    for asked in (2, 3, 50, 256):
        with threads(asked):
            assert in_parallel(lambda number: number + 1, range(300)) == list(range(1, 301))
            assert in_parallel(lambda number: number + 1, [0]) == [1]
            assert in_parallel(lambda number: number + 1, []) == []
    names = [thread.name for thread in enumerate_threads() if thread.name.startswith("despark")]
    assert len(names) <= cores()


def _doubled(told):
    with threads(2):
        told.send(in_parallel(lambda number: 2 * number, range(8)))


def test_a_fork_has_threads_of_its_own():
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    together = Barrier(cores())
    with threads(cores() + 1):
        # Each in a thread of its own: by now the pool has all that it may have.
        in_parallel(lambda _: together.wait(), range(cores()))
    forked = context.Process(target=_doubled, args=(theirs,))
    forked.start()
    try:
        assert ours.poll(LIMIT_S)
        assert ours.recv() == [*range(0, 16, 2)]
    finally:
        forked.kill()
        forked.join()


def _hold(taken, release):
    with threads("auto") as count:
        taken.send(count)
        release.recv()


def test_auto_takes_no_core_that_another_process_uses(monkeypatch):
    monkeypatch.setattr("gadgets.process.core_sharing.cores", lambda: 4)
    with threads("auto") as first, threads("auto") as second:
        assert (first, second) == (4, 1), "one thread where nothing is left"
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    release, released = context.Pipe()
    other = context.Process(target=_hold, args=(theirs, released))
    other.start()
    assert ours.recv() == 4
    with threads("auto") as count:
        assert count == 1
    release.send(None)
    other.join()
    with threads("auto") as count:
        assert count == 4


def test_tokens_that_cannot_be_written_leave_one_thread(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "nowhere"))
    with threads("auto") as count:
        assert count == 1


def test_cores_are_those_that_the_container_gives(monkeypatch, tmp_path):
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr("gadgets.process.core_sharing.QUOTA", quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    assert cores() == 16
    for written, expected in (("250000 100000", 2), ("50000 100000", 1), ("max 100000", 16), ("strange", 16)):
        quota.write_text(written)
        assert cores() == expected


@pytest.mark.parametrize("plant", ["pipe", "link", "folder"])
def test_what_others_put_in_the_place_of_a_token_is_neither_waited_for_nor_changed(tmp_path, plant):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    for core in range(cores()):
        token = tmp_path / f"despark-{os.getuid()}-core-{core}"
        {"pipe": os.mkfifo, "link": lambda path: path.symlink_to(precious), "folder": os.mkdir}[plant](token)
    with threads("auto") as count:
        assert 1 <= count <= cores()
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("refuses", ["start of a thread", "threads of a transform"])
def test_work_is_done_by_one_thread_where_the_system_has_no_more(monkeypatch, refuses):
    def no_more(*_, **__):
        raise RuntimeError("can't start new thread")

    core_sharing._pool.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(*((Thread, "start", no_more) if "start" in refuses else (fft, "fft", no_more)))
        with threads(3) as count:
            assert count == 1
            assert in_parallel(lambda number: number**2, range(64)) == [number**2 for number in range(64)]
    with threads(3) as count:
        assert count == 3
