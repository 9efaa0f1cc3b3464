"""``despark stream``: a chain as a filter between two pipes."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer

from gadgets.errors import WireError
from pipelines.chains import find_chain
from pipelines.commands.terminal.progress import working
from pipelines.commands.terminal.shell import Quiet, Settings, Verbose, open_shell
from pipelines.replay import MessageStream, data_only, open_models, open_mrd2, run_stream

STDIN = 0

TOLD = ("gadgets.node", "pipelines.worker.node_session")
"""What a node logs of a failure is what the scan says of it in the end."""


def stream(
    pipeline: Annotated[
        str, typer.Option(metavar="NAME|FILE.xml", help="Chain: repair_raw, another packaged one, or an XML file.")
    ] = "repair_raw",
    settings: Settings = None,
    framing: Annotated[
        Literal["gadgetron", "mrd2"],
        typer.Option("--format", help="gadgetron: messages as in gadgetron --from_stream; mrd2: MRD version 2."),
    ] = "gadgetron",
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Run a chain as a filter on an MRD stream.

    The stream comes from standard input. What the chain makes of it goes to standard output, and all else to standard
    error. The exit code is 0 only when the output is whole.

    Example: producer | despark stream | consumer
    """
    shell = open_shell(verbose, quiet, told=TOLD)
    # Somebody who types would wait for output, and the command for a stream.
    if os.isatty(STDIN):
        raise WireError("expected an MRD stream on standard input, found a terminal")
    with data_only() as sink:
        # The programs at the other ends of the pipes may write to the same terminal: nothing moves there for long.
        with working(shell, f"running {pipeline} on the stream from standard input") as work:
            work.phase("opening models")
            chain = find_chain(pipeline).with_settings(settings or ())
            detectors = open_models(chain)
        opened = open_mrd2(STDIN, sink, chain) if framing == "mrd2" else MessageStream(STDIN, sink)
        run_stream(opened, chain, detectors)
