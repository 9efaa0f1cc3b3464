"""What tests share: the folders of real data, and the reasons for which a test is skipped."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import hypothesis
import pytest

from onnx_models.providers import cuda_devices
from pipelines.phantom import PhantomScan, write_phantom

# What tests stream is no scan: nodes in processes of their own see this, too.
os.environ["DESPARK_RECORD"] = "off"

# A shell starts what runs in its background deaf to Ctrl-C, and every program that a test starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine makes an example slow, not wrong; and a change must not fail CI for an example that it did not draw.
hypothesis.settings.register_profile("despark", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("despark")

# A variable of the environment rather than a copy: the data have licences and a size of their own.
DATA_VARIABLE = "DESPARK_DATA"
REQUIRE_VARIABLE = "DESPARK_REQUIRE_DATA"


def _data_folder() -> Path | None:
    named = os.environ.get(DATA_VARIABLE)
    return Path(named) if named else None


def _required(path: Path | None, purpose: str) -> Path:
    """Return the path, or skip the test with the reason; where data are required, a missing one is a failure."""
    if path is not None and path.exists():
        return path
    found = f"{path} is not there" if path is not None else f"{DATA_VARIABLE} is not set"
    reason = f"needs {purpose}: {found}"
    if os.environ.get(REQUIRE_VARIABLE, "") not in ("", "0"):
        pytest.fail(f"{reason}, and {REQUIRE_VARIABLE} asks for it")
    pytest.skip(reason)


def _beside_data(*parts: str) -> Path | None:
    folder = _data_folder()
    return folder.parent.joinpath(*parts) if folder is not None else None


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of real raw files (``DESPARK_DATA``)."""
    return _required(_data_folder(), "real raw files")


@pytest.fixture(scope="session")
def raw_files(data_folder: Path) -> list[Path]:
    """All real raw files, sorted by name."""
    files = sorted(data_folder.glob("*.h5"))
    if not files:
        _required(data_folder / "*.h5", "real raw files")
    return files


@pytest.fixture(scope="session")
def transcripts_folder() -> Path:
    """Folder of recorded Gadgetron sessions, which lies beside the raw files."""
    return _required(_beside_data("gadgetron", "transcripts"), "recorded Gadgetron sessions")


@pytest.fixture(scope="session")
def reference_images_folder() -> Path:
    """Folder of images that Gadgetron made from the raw files, which lies beside them."""
    return _required(_beside_data("gadgetron", "reference_images"), "reference images")


@pytest.fixture
def each_raw_file(request: pytest.FixtureRequest) -> Path:
    """Real raw file: the test runs once for every one of them."""
    return _required(request.param, "real raw files")


@pytest.fixture(scope="session")
def phantom_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw file of a small scan that never was: noise measurements, two slices, four receivers; not to be changed."""
    path = tmp_path_factory.mktemp("phantom") / "phantom.h5"
    write_phantom(path, PhantomScan(matrix=32, n_coils=4, n_slices=2, n_noise=2))
    return path


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for ``each_raw_file`` once per file, under the file's name."""
    if "each_raw_file" in metafunc.fixturenames:
        folder = _data_folder()
        files = sorted(folder.glob("*.h5")) if folder is not None else []
        missing = folder / "*.h5" if folder is not None else None
        cases = [pytest.param(file, id=file.stem) for file in files] or [pytest.param(missing, id="no-data")]
        metafunc.parametrize("each_raw_file", cases, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what runs for hours, unless it is asked for."""
    if "soak" not in config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("soak")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests of the GPU where there is none."""
    if item.get_closest_marker("gpu") and cuda_devices() == 0:
        pytest.skip("needs a CUDA device: none was found")
