"""The environment of processes that we start."""

from __future__ import annotations

import os


def clean_environment() -> dict[str, str]:
    """Give our environment, from which nothing is imported from the working directory.

    An empty entry of PYTHONPATH, as ``PYTHONPATH=$PYTHONPATH:folder`` easily leaves one, means the working directory:
    it goes.
    """
    environment = dict(os.environ)
    if "PYTHONPATH" in environment:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, environment["PYTHONPATH"].split(os.pathsep)))
    return environment
