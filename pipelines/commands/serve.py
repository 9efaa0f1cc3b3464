"""``despark serve``: the embedded host for any Gadgetron client, until it is told to stop."""

from __future__ import annotations

import logging
import threading
from typing import Annotated

import typer

from pipelines.chains import check_default_models
from pipelines.host import IDLE_LIMIT_S, Host

logger = logging.getLogger(__name__)


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes one that is free.")] = 9002,
    bind: Annotated[
        str, typer.Option(help="Address to listen on. Whoever can reach it can run any installed Python module.")
    ] = "127.0.0.1",
    idle_limit: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="Give a scan up when nothing moves for so long.")
    ] = IDLE_LIMIT_S,
) -> None:
    """Run chains for any Gadgetron client: many scans, many at once, until Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    check_default_models()
    with Host(bind, port, idle_limit) as host:
        logger.info("listening on %s:%d", *host.address)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            logger.info("stopping")
