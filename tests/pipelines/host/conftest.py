"""A host that tests of it share."""

from __future__ import annotations

import pytest

from pipelines.chains import EVERYTHING
from pipelines.host.host import Host


@pytest.fixture
def host():
    with Host(trust=EVERYTHING) as running:
        yield running
