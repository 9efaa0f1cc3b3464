"""``despark worker``: our nodes for any Gadgetron's ``<connect>``, until it is told to stop."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gadgets.errors import NodeError, SettingsError
from gadgets.outside import whole_number
from gadgets.settings import did_you_mean
from pipelines.chains import WORKER_PORTS, trust_of
from pipelines.commands.terminal import serving, watching
from pipelines.commands.terminal.shell import Quiet, Verbose, open_shell
from pipelines.files import Archive
from pipelines.host import USUAL_LIMITS, ServerLimits
from pipelines.worker import GRACE_S, NODES, Worker, check_nodes, settings_schema, share_pools, worker_settings

logger = logging.getLogger(__name__)

LOG_FORMAT = "%(asctime)s %(levelname)s [%(threadName)s] %(message)s"
BASE_PORT = WORKER_PORTS[0]
MAX_PORT = 65535
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def worker(
    port: Annotated[
        int, typer.Option(min=0, max=MAX_PORT - len(NODES) + 1, help=f"First port of: {', '.join(NODES)}.")
    ] = BASE_PORT,
    node: Annotated[
        list[str] | None, typer.Option(metavar="NAME=PORT", help="Serve only this node, there. May be given again.")
    ] = None,
    bind: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on. Nothing asks who connects.")
    ] = "127.0.0.1",
    settings: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Settings by node, for scans that bring none: pipelines/README.md."),
    ] = None,
    connections: serving.Connections = USUAL_LIMITS.connections,
    memory_limit: serving.MemoryLimit = None,
    idle_limit: Annotated[
        float,
        typer.Option(
            min=1, max=serving.MOST_S, metavar="SECONDS", help="Give a scan up when nothing comes for so long."
        ),
    ] = USUAL_LIMITS.idle_s,
    stall_limit: serving.StallLimit = USUAL_LIMITS.stall_s,
    allow_folder: serving.AllowFolder = None,
    trust_clients: serving.TrustClients = False,
    archive: serving.ArchiveFolder = None,
    archive_size: serving.ArchiveSize = Archive.most_gb,
    archive_age: serving.ArchiveAge = Archive.most_days,
    pages: serving.PagesFolder = None,
    grace: watching.Grace = GRACE_S,
    monitor_port: watching.MonitorPort = None,
    log_format: watching.LogFormat = "text",
    schema: Annotated[
        bool, typer.Option("--schema", help="Write the JSON schema of the settings file to standard output, and exit.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="See whether a running worker is well, and exit.")] = False,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Serve the nodes to <connect>, models opened once.

    Any Gadgetron can use them: many scans, many at once. The worker stops on Ctrl-C or SIGTERM, when the scans that
    run have ended. A second signal does not wait for them.

    Example: despark worker --node raw_repair=9014
    """
    open_shell(verbose, quiet, server=LOG_FORMAT, as_json=log_format == "json")
    if schema:
        typer.echo(json.dumps(settings_schema(), indent=1))
        return
    ports = ports_of(port, node or ())
    if check:
        # Nobody can connect to "any address": the machine itself is meant.
        check_nodes({name: (ANY_ADDRESS.get(bind, bind), number) for name, number in ports.items()})
        return
    defaults = worker_settings(settings, os.environ)
    limits = ServerLimits(connections, idle_s=idle_limit, stall_s=stall_limit)
    trust = trust_of(folders=allow_folder or (), is_whole=trust_clients)
    serving.limit_memory(memory_limit)
    share_pools()
    with (
        serving.open_archive(archive, archive_size, archive_age, pages) as kept,
        watching.asked_to_stop() as signals,
        Worker(ports, bind, defaults, limits, trust, kept) as running,
        watching.monitored(running.metrics, monitor_port, lambda: _fault(running)),
    ):
        for name, address in running.addresses.items():
            own = ", ".join(f"{key}={value}" for key, value in defaults[name].items())
            logger.info("%s listens on %s:%d%s", name, *address, f", {own}" if own else "")
        watching.wait_for(signals)
        logger.info("stopping, %d scans run", running.n_scans)
        running.stop(grace, lambda: not signals.empty())


def _fault(worker: Worker) -> str:
    """Say what is wrong with a worker; empty where nothing is."""
    if worker.is_stopping:
        return watching.STOPPING
    try:
        check_nodes({name: (ANY_ADDRESS.get(host, host), port) for name, (host, port) in worker.addresses.items()})
    except NodeError as error:
        return str(error)
    return ""


def ports_of(base: int, named: Sequence[str]) -> dict[str, int]:
    """Give the port of every node that is to be served.

    Raises
    ------
    SettingsError
        A name is not one of a node, a port is none, or one is given twice.
    """
    if not named:
        # Port 0 stays 0 for all: each node then takes one that is free.
        return {node: base and base + number for number, node in enumerate(NODES)}
    ports: dict[str, int] = {}
    for assignment in named:
        name, _, number = assignment.partition("=")
        meant = "" if name in NODES else did_you_mean(name, NODES)
        found = whole_number(number)
        if name not in NODES or found is None or found > MAX_PORT:
            raise SettingsError(
                f"--node: expected NAME=PORT with one of {', '.join(NODES)}, found {assignment!r}{meant}"
            )
        if name in ports or (found and found in ports.values()):
            raise SettingsError(f"--node: expected every node and every port once, found {assignment!r} again")
        ports[name] = found
    return ports
