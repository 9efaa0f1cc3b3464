import pytest

from gadgets.errors import SettingsError
from pipelines.benchmark import open_rivals


@pytest.mark.parametrize("names", ["local_median,typo", " , "])
def test_unknown_rivals_are_refused(names):
    with pytest.raises(SettingsError, match="--rivals: expected some of despark, global_threshold"):
        open_rivals(names, {})
