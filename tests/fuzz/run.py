"""Fuzzing, guided by what is reached: ``python tests/fuzz/run.py TARGET [-max_total_time=300 …]``.

Options go to libFuzzer; atheris is needed (``pip install atheris``), which nothing else here uses. What it finds is
written beside ``found/`` and belongs into it, as small as can be (``-minimize_crash=1``), with its mend:
``test_found.py`` gives all of it to the targets again.
"""

from __future__ import annotations

import logging
import resource
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))
ADDRESS_SPACE = 4 << 30
READERS = ("gadgets.wire", "gadgets.outside", "gadgets.settings", "gadgets.kspace", "pipelines.messages")
READERS += ("pipelines.chains", "pipelines.files", "pipelines.replay", "xsdata", "ismrmrd", "mrd")
with atheris.instrument_imports(include=list(READERS)):
    from helpers.fuzzing import targets

    import pipelines.files.raw_file


def main() -> None:
    """Run a target until its time is over, or it fails."""
    name, options = sys.argv[1], sys.argv[2:]
    warnings.simplefilter("ignore")
    logging.disable()
    # What libraries ask for on a declared length fails here, as it does where memory is short.
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    # In this process, where it can be seen what is reached.
    pipelines.files.raw_file.in_child = lambda make, _, **__: make()
    with tempfile.TemporaryDirectory() as corpus:
        found = Path(__file__).parent / "found" / name
        beginnings = [*targets.seeds(name), *(path.read_bytes() for path in found.glob("*"))]
        for number, content in enumerate(beginnings):
            (Path(corpus) / str(number)).write_bytes(content)
        longest = max(map(len, beginnings))
        defaults = [f"-max_len={2 * longest}", "-timeout=20", "-rss_limit_mb=0", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], corpus, *defaults, *options], lambda content: targets.run(name, content))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
