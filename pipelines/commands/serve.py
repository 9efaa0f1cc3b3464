"""``despark serve``: the embedded host for any Gadgetron client, until it is told to stop."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from pipelines.chains import check_default_models, trust_of
from pipelines.commands.terminal import serving, watching
from pipelines.commands.terminal.logs import SERVER_FORMAT
from pipelines.commands.terminal.progress import working
from pipelines.commands.terminal.shell import Quiet, Verbose, open_shell
from pipelines.files import Archive
from pipelines.host import USUAL_LIMITS, Host, ServerLimits

logger = logging.getLogger(__name__)

GRACE_S = 30.0


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes one that is free.")] = 9002,
    bind: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen on. Nothing asks who connects: see SECURITY.md.",
        ),
    ] = "127.0.0.1",
    scans: Annotated[
        int, typer.Option(min=1, metavar="N", help="Run so many scans at once; refuse more.")
    ] = USUAL_LIMITS.scans,
    connections: serving.Connections = USUAL_LIMITS.connections,
    memory_limit: serving.MemoryLimit = None,
    idle_limit: Annotated[
        float,
        typer.Option(
            min=1, max=serving.MOST_S, metavar="SECONDS", help="Give a scan up when nothing moves for so long."
        ),
    ] = USUAL_LIMITS.idle_s,
    stall_limit: serving.StallLimit = USUAL_LIMITS.stall_s,
    node_limit: Annotated[
        float,
        typer.Option(
            min=1, metavar="SECONDS", help="Give up a node that is silent for so much longer than its time_limit."
        ),
    ] = USUAL_LIMITS.node_s,
    allow_module: Annotated[
        list[str] | None,
        typer.Option(metavar="MODULE", help="Let clients run functions of this Python module. May be given again."),
    ] = None,
    allow_folder: serving.AllowFolder = None,
    allow_address: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST:PORT", help="Let <connect> of clients go there. May be given again."),
    ] = None,
    trust_clients: serving.TrustClients = False,
    archive: serving.ArchiveFolder = None,
    archive_size: serving.ArchiveSize = Archive.most_gb,
    archive_age: serving.ArchiveAge = Archive.most_days,
    pages: serving.PagesFolder = None,
    default_chain: Annotated[
        str, typer.Option(metavar="NAME", help="Chain of despark for configuration names that are not known here.")
    ] = "",
    grace: watching.Grace = GRACE_S,
    monitor_port: watching.MonitorPort = None,
    log_format: watching.LogFormat = "text",
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Run the embedded host, for any Gadgetron client.

    It runs chains as a Gadgetron does: many scans, many at once. It goes on until Ctrl-C or SIGTERM, and then lets
    the scans that run come to their end. What happens is logged on standard error.

    Example: despark serve --port 9002
    """
    shell = open_shell(verbose, quiet, server=SERVER_FORMAT, as_json=log_format == "json")
    with working(shell) as work:
        work.phase("opening models")
        check_default_models()
    limits = ServerLimits(connections, scans, idle_limit, stall_limit, node_limit)
    trust = trust_of(allow_module or (), allow_folder or (), allow_address or (), is_whole=trust_clients)
    # Before the host is there: nodes get the limit through its environment.
    serving.limit_memory(memory_limit)
    with (
        serving.open_archive(archive, archive_size, archive_age, pages) as kept,
        watching.asked_to_stop() as signals,
        Host(bind, port, limits, trust, kept, default_chain) as host,
        watching.monitored(host.metrics, monitor_port, lambda: watching.STOPPING if host.is_stopping else ""),
    ):
        logger.info("listening on %s:%d", *host.address)
        watching.wait_for(signals)
        logger.info("stopping, %d scans run", host.n_scans)
        host.stop(grace, lambda: not signals.empty())
