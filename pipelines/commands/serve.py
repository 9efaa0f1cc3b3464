"""``despark serve``: the embedded host for any Gadgetron client, until it is told to stop."""

from __future__ import annotations

import logging
import threading
from typing import Annotated

import typer

from pipelines.chains import check_default_models
from pipelines.commands.terminal.progress import working
from pipelines.commands.terminal.shell import SERVER_FORMAT, Quiet, Verbose, open_shell
from pipelines.host import IDLE_LIMIT_S, Host

logger = logging.getLogger(__name__)


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes one that is free.")] = 9002,
    bind: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen on. Whoever can reach it can run any Python module that is installed.",
        ),
    ] = "127.0.0.1",
    idle_limit: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="Give a scan up when nothing moves for so long.")
    ] = IDLE_LIMIT_S,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Run the embedded host, for any Gadgetron client.

    It runs chains as a Gadgetron does: many scans, many at once. It goes on until Ctrl-C. What happens is logged on
    standard error.

    Example: despark serve --port 9002
    """
    shell = open_shell(verbose, quiet, server=SERVER_FORMAT)
    with working(shell) as work:
        work.phase("opening models")
        check_default_models()
    with Host(bind, port, idle_limit) as host:
        logger.info("listening on %s:%d", *host.address)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            logger.info("stopping")
