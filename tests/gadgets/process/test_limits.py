import platform
import resource

import numpy as np
import pytest

from gadgets.process.limits import keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked to keep memory")
def test_arrays_of_one_kspace_take_the_memory_of_the_one_before():
    keep_freed_memory()

    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.ones(1 << 21, dtype=np.float64)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    assert faults() < 100


def test_a_library_without_the_setting_is_left_alone(monkeypatch):
    keep_freed_memory.cache_clear()
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    keep_freed_memory()
    keep_freed_memory.cache_clear()
