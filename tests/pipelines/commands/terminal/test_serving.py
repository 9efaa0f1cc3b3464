"""Options that all servers share."""

from __future__ import annotations

import pytest

from gadgets.errors import SettingsError
from pipelines.commands.terminal.serving import open_archive
from pipelines.files import Archive


@pytest.mark.parametrize(
    ("size", "age", "option"), [(20, Archive.most_days, "--archive-size"), (Archive.most_gb, 3, "--archive-age")]
)
def test_bounds_of_an_archive_that_is_not_asked_for_are_refused(size, age, option):
    with (
        pytest.raises(SettingsError, match=f"{option}: expected --archive DIR beside it"),
        open_archive(None, size, age),
    ):
        pass


def test_without_an_archive_nothing_is_asked_for():
    with open_archive(None, Archive.most_gb, Archive.most_days) as archive:
        assert archive is None
