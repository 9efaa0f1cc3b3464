"""How much memory one scan may ask for, by what it declares: a message, an assembled k-space."""

from __future__ import annotations

import functools
import os
import resource
from pathlib import Path

from gadgets.errors import SettingsError

VARIABLE = "DESPARK_MEMORY_LIMIT"
"""Sets the limit, in gigabytes; by the environment, so that it holds in all nodes and no client can change it."""

SHARE = 0.25
"""Of the machine's memory, where nothing is set: a k-space is held several times while it is judged."""

_GIGABYTE = 1 << 30
# Memory limits of a container, in the newer and the older form.
_CONTAINER = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_limit() -> int:
    """Give the largest message or k-space, in bytes.

    Raises
    ------
    SettingsError
        The variable of the environment is not a number above 0.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return int(SHARE * machine_bytes())
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = 0.0
    # What is no number has become 0 and fails here, as NaN does; infinity fails at the other end.
    if not 0 < gigabytes < 1 << 20:
        raise SettingsError(f"{VARIABLE}: expected a number of gigabytes above 0, below 2^20; found {text!r}")
    return int(gigabytes * _GIGABYTE)


@functools.cache
def machine_bytes() -> int:
    """Give the memory that this process can have: the machine's, or less where a limit says so."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    address_space = resource.getrlimit(resource.RLIMIT_AS)[0]
    if address_space != resource.RLIM_INFINITY:
        limits.append(address_space)
    for file in _CONTAINER:
        try:
            text = file.read_text(encoding="ascii").strip()
        except OSError:
            continue
        # Without a limit the newer form says "max", and the older one a number beyond any memory.
        if text.isdecimal():
            limits.append(int(text))
    return min(limits)
