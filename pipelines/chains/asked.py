"""The chains that a client asks a server for: by name, as XML, or changed by parameters behind the header."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pipelines.chains.chain import Chain
from pipelines.chains.chain_xml import parse_chain
from pipelines.chains.packaged import packaged_chain, packaged_names
from pipelines.chains.trust import Trust

logger = logging.getLogger(__name__)


class AskedChains:
    """Finds what one client asks for, and sees that it may be run, and can be run here.

    Every method raises a DesparkError where it may not or cannot, before any process is started.

    Parameters
    ----------
    client
        Where it comes from, for the log.
    trust
        What it may name.
    default_chain
        Run where it names a configuration that is not known; empty: that is an error.
    """

    def __init__(self, client: str, trust: Trust, default_chain: str = "") -> None:
        self._client = client
        self._trust = trust
        self._default_chain = default_chain

    def named(self, name: str) -> Chain:
        """Find a chain by its name."""
        if not _is_packaged(name) and self._default_chain:
            logger.warning("%s: no configuration %r here, %s is run", self._client, name, self._default_chain)
            name = self._default_chain
        return self._checked(packaged_chain(name))

    def sent(self, content: bytes) -> Chain:
        """Read a chain that the client has sent."""
        return self._checked(parse_chain(content, "the client's configuration"))

    def changed(self, chain: Chain, name: str, settings: Sequence[str]) -> Chain:
        """Give a chain with other settings, or another one where the client names one that is known.

        Parameters
        ----------
        chain
            That was asked for before.
        name
            Of another one; empty: none.
        settings
            As ``--set`` takes them.
        """
        # Configurations of other programs have other names, and stand there all the same.
        return self._checked((packaged_chain(name) if name and _is_packaged(name) else chain).with_settings(settings))

    def _checked(self, chain: Chain) -> Chain:
        chain.check_runnable()
        self._trust.check_chain(chain)
        # Here already: the client gets the reason at once, with the name of the property.
        chain.check_settings()
        return chain


def _is_packaged(name: str) -> bool:
    return name.removesuffix(".xml") in packaged_names()
