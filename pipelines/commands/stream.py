"""``despark stream``: a chain as a filter between two pipes."""

from __future__ import annotations

import logging
import os
from typing import Annotated, Literal

import typer

from gadgets.errors import WireError
from pipelines.chains import find_chain
from pipelines.replay import MessageStream, data_only, open_models, open_mrd2, run_stream

STDIN = 0


def stream(
    pipeline: Annotated[
        str, typer.Option(metavar="NAME|FILE.xml", help="Chain: repair_raw, another packaged one, or an XML file.")
    ] = "repair_raw",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NODE.PROPERTY=VALUE", help="Set a property; may be repeated.")
    ] = None,
    framing: Annotated[
        Literal["gadgetron", "mrd2"],
        typer.Option("--format", help="gadgetron: messages as in gadgetron --from_stream; mrd2: MRD version 2."),
    ] = "gadgetron",
) -> None:
    """Read an MRD stream from standard input, run a chain, write what it makes to standard output.

    Everything else goes to standard error. The exit code is 0 only when the output is whole.
    """
    logging.basicConfig(level=logging.WARNING, format="despark: %(message)s")
    # What a node logs of a failure is what the scan says of it in the end.
    for name in ("gadgets.node", "pipelines.worker.node_session"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if os.isatty(STDIN):
        raise WireError("expected an MRD stream on standard input, found a terminal")
    chain = find_chain(pipeline).with_settings(settings or ())
    with data_only() as sink:
        detectors = open_models(chain)
        opened = open_mrd2(STDIN, sink, chain) if framing == "mrd2" else MessageStream(STDIN, sink)
        run_stream(opened, chain, detectors)
