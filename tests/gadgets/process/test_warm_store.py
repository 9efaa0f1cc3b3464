"""The warm store: what is opened once, let go, and waited for."""

import threading

import pytest

from gadgets.process.warm_store import WarmStore, using, warm_store


def test_kinds_do_not_push_each_other_out():
    store = WarmStore(limit=1)
    assert store.open("detector", "a", lambda: 1) == 1
    assert store.open("repair", "a", lambda: 2) == 2
    assert store.open("detector", "a", pytest.fail) == 1
    assert len(store) == 2


def test_what_cannot_be_opened_is_tried_again():
    store = WarmStore()

    def breaks():
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        store.open("detector", "a", breaks)
    assert len(store) == 0
    assert store.open("detector", "a", lambda: 1) == 1


def test_a_slow_disk_delays_only_those_who_wait_for_the_same():
    store, is_there, began = WarmStore(), threading.Event(), threading.Event()

    def slow():
        began.set()
        assert is_there.wait(30)
        return "slow"

    results = []
    threads = [threading.Thread(target=lambda: results.append(store.open("detector", "a", slow))) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert began.wait(30)
    assert store.open("detector", "b", lambda: "quick") == "quick"
    is_there.set()
    for thread in threads:
        thread.join(30)
    assert results == ["slow", "slow"]


def test_a_store_is_in_use_inside_and_nowhere_else():
    store = WarmStore()
    with using(store):
        assert warm_store() is store
    assert warm_store() is None
