"""What a client of a server may make it do: by default run the gadgets of despark, and nothing else.

A client names the modules that are run, the addresses that are connected to, and the files that settings read and
write, all of them with the rights of the server. So it may name only what the server's own configuration allows.
Whoever starts a chain on his own command line asks himself for nothing: :data:`EVERYTHING`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gadgets.errors import SettingsError, TrustError, WireError
from gadgets.outside import quoted
from gadgets.settings import path_settings
from pipelines.chains.chain import Chain
from pipelines.chains.chain_node import Node
from pipelines.messages import parse_address

WORKER_PORTS = range(9010, 9015)
"""Where the nodes of a ``despark worker`` are as a rule."""

MAX_NODES = 8
"""In one chain: each of them is a process. The longest that comes with despark has four."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Trust:
    """What clients may name beyond the gadgets and chains of despark.

    Attributes
    ----------
    modules
        Python modules whose functions may be run as nodes.
    folders
        Whose files settings may name.
    addresses
        Host and port that ``<connect>`` may name, besides those of a worker on this machine.
    is_whole
        Whether everything is allowed.
    """

    modules: frozenset[str] = frozenset()
    folders: tuple[Path, ...] = ()
    addresses: frozenset[tuple[str, int]] = frozenset()
    is_whole: bool = False

    def check_chain(self, chain: Chain) -> None:
        """See that a client may have this chain run.

        Raises
        ------
        TrustError
            It names a module, an address or a file that is not allowed, or has too many nodes; names the option of
            the server that would allow it.
        """
        if self.is_whole:
            return
        if len(chain.nodes) > MAX_NODES:
            raise TrustError(f"{chain.source}: expected at most {MAX_NODES} nodes, found {len(chain.nodes)}")
        for node in chain.nodes:
            if node.address is not None:
                self._check_address(node.address, chain.source)
            else:
                self._check_module(node, chain.source)
                if node.is_ours:
                    self.check_settings(node.properties, node.name)

    def check_settings(self, properties: Mapping[str, str], node: str, own: Mapping[str, str] | None = None) -> None:
        """See that a client may set these properties of one of our nodes.

        Parameters
        ----------
        properties
            As the client sent them.
        node
            Its name.
        own
            The server's own properties, which a client may repeat.

        Raises
        ------
        TrustError
            One of them names a file outside of the folders that are allowed.
        """
        for name, words in path_settings(node).items():
            # What a client does not set it does not ask for: a word that names no file stands in its place.
            value = properties.get(name, words[0]).strip()
            if self.is_whole or value in words or value == (own or {}).get(name):
                continue
            if not any(_lies_in(value, folder) for folder in self.folders):
                # Which one is not repeated: folders may be called after patients, and this is logged.
                raise TrustError(
                    f"{node}.{name}: a client may not name files of the server (it allows a folder with "
                    "--allow-folder, or all with --trust-clients)"
                )

    def _check_module(self, node: Node, source: str) -> None:
        # The function as well: a module of ours holds others than the node.
        if not node.is_ours and node.module not in self.modules:
            raise TrustError(
                f"{source}: a client may have the gadgets of despark run, found module {quoted(node.module)} with "
                f"target {quoted(node.target)} (the server allows a module with --allow-module, or all with "
                "--trust-clients)"
            )

    def _check_address(self, address: tuple[str, int], source: str) -> None:
        host, port = address
        if (host in _LOOPBACK and port in WORKER_PORTS) or address in self.addresses:
            return
        # Who allows 127.0.0.1 has allowed localhost, too: both are this machine.
        if host in _LOOPBACK and any((name, port) in self.addresses for name in _LOOPBACK):
            return
        raise TrustError(
            f"{source}: a client may connect to a worker at ports {WORKER_PORTS[0]} to {WORKER_PORTS[-1]} of this "
            f"machine, found {host}:{port} (the server allows an address with --allow-address, or all with "
            "--trust-clients)"
        )


OURS = Trust()
"""The gadgets and chains of despark, and nothing else."""

EVERYTHING = Trust(is_whole=True)
"""For chains that the person who starts them has named."""


def trust_of(
    modules: Iterable[str] = (), folders: Iterable[Path] = (), addresses: Iterable[str] = (), *, is_whole: bool = False
) -> Trust:
    """Read what a server's options allow.

    Raises
    ------
    SettingsError
        A folder is none, or an address is not HOST:PORT.
    """
    for folder in folders:
        if not folder.is_dir():
            raise SettingsError(f"--allow-folder: expected a folder, found {str(folder)!r}")
    return Trust(
        frozenset(modules),
        # Real paths once and for all: a link that is put in their place later leads nowhere else.
        tuple(Path(os.path.realpath(folder)) for folder in folders),
        frozenset(_address(text) for text in addresses),
        is_whole,
    )


def _address(text: str) -> tuple[str, int]:
    try:
        return parse_address(text, "--allow-address")
    except WireError as error:
        raise SettingsError(str(error)) from error


def _lies_in(value: str, folder: Path) -> bool:
    # The real place: a link in the folder, or dots in the name, may lead anywhere.
    try:
        return Path(os.path.realpath(value)).is_relative_to(folder)
    # Zeros, for example, are in no name of a file.
    except (OSError, ValueError):
        return False
