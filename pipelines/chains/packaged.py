"""Where chains are found: among those that come with despark, or in a file."""

from __future__ import annotations

from pathlib import Path

from gadgets.errors import PipelineError
from gadgets.settings import did_you_mean
from onnx_models.reading import read_regular
from pipelines.chains.chain import Chain
from pipelines.chains.chain_xml import parse_chain

CHAINS = Path(__file__).parent


def find_chain(name: str) -> Chain:
    """Find a chain by the name of a packaged one or by the path of a file.

    Raises
    ------
    PipelineError
        There is no such chain, or it cannot be read.
    """
    path = Path(name)
    # A packaged name goes before a file of that name, which can still be meant as ./NAME.
    if name in packaged_names():
        return packaged_chain(name)
    if path.is_file():
        try:
            return parse_chain(read_regular(path), name)
        except OSError as error:
            raise PipelineError(f"{name}: cannot be read ({error.strerror})") from error
    # Neither of both: this says so, with what may have been meant.
    return packaged_chain(name)


def packaged_chain(name: str) -> Chain:
    """Find a chain among those that come with despark, ``.xml`` or not at the end of its name."""
    stem = name.removesuffix(".xml")
    if stem not in packaged_names():
        meant = did_you_mean(Path(stem).name, packaged_names())
        raise PipelineError(f"unknown pipeline {name!r}{meant} ({_known_chains()}; or an XML file that is there)")
    return _read_packaged(stem)


def packaged_names() -> list[str]:
    """Name the chains that come with despark."""
    return sorted(path.stem for path in CHAINS.glob("*.xml"))


def _read_packaged(stem: str) -> Chain:
    return parse_chain((CHAINS / f"{stem}.xml").read_bytes(), stem)


def _known_chains() -> str:
    """List the packaged chains, those apart that only a Gadgetron can run."""
    # Read anew: only somebody who has mistyped a name waits for it.
    chains = [_read_packaged(stem) for stem in packaged_names()]
    here = ", ".join(chain.source for chain in chains if not chain.obstacles)
    elsewhere = ", ".join(chain.source for chain in chains if chain.obstacles)
    return f"known: {here}; for a real Gadgetron: {elsewhere}"
