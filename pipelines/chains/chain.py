"""A chain: which nodes, in which order, with which settings."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from gadgets.errors import PipelineError, SettingsError
from gadgets.outside import fits_xml, quoted
from gadgets.settings import (
    NODE_SETTINGS,
    SparkDetectionSettings,
    did_you_mean,
    meant_or_known,
    property_names,
    refuse_contradictions,
)
from pipelines.chains.chain_node import Node, of_raw_repair, to_bytes
from pipelines.messages import MessageID

GIVES = {
    "raw_repair": (MessageID.ACQUISITION, "acquisitions", "<classname>AcquisitionWriter</classname>"),
    "image_fft": (MessageID.IMAGE, "images", "<classname>ImageWriter</classname>"),
}
"""What nodes of ours give when they are the last, and the writer that it needs."""

MOST_OBSTACLES = 20
"""In a message; the longest chains of Gadgetron have as many."""


@dataclass(frozen=True, eq=False)
class Chain:
    """A chain as it stands in its XML.

    Attributes
    ----------
    source
        Name or file it was read from.
    root
        The whole document.
    reads, writes
        Kinds of message that come from the client and go back to it.
    nodes
        The externals, in order.
    obstacles
        What only a Gadgetron can run.
    """

    source: str
    root: Element
    reads: frozenset[MessageID]
    writes: frozenset[MessageID]
    nodes: tuple[Node, ...]
    obstacles: tuple[str, ...]

    @property
    def xml(self) -> bytes:
        """The document as it is sent to a server."""
        return b'<?xml version="1.0" encoding="UTF-8"?>\n' + to_bytes(self.root) + b"\n"

    def check_runnable(self) -> None:
        """Raise PipelineError if only a Gadgetron can run this chain; names the parts concerned."""
        if self.obstacles:
            left = len(self.obstacles) - MOST_OBSTACLES
            more = f"; and {left} more" if left > 0 else ""
            told = "; ".join(self.obstacles[:MOST_OBSTACLES])
            raise PipelineError(f"{self.source}: only a Gadgetron can run {told}{more}")
        if not self.nodes:
            raise PipelineError(f"{self.source}: the chain has no nodes")
        self.check_writers()

    def check_writers(self) -> None:
        """Raise PipelineError if what the last node gives has no writer, and so would never come back."""
        # Behind parts that only a Gadgetron runs nobody here knows what the last node is given.
        last = self.nodes[-1] if self.nodes and not self.obstacles else None
        given = GIVES.get(last.name) if last is not None and last.is_ours else None
        if given is not None and given[0] not in self.writes:
            raise PipelineError(
                f"{self.source}: {self.nodes[-1].name}, the last node, gives {given[1]}, which have no writer; "
                f"expected {given[2]} among the <writers> of the chain"
            )

    def check_settings(self) -> None:
        """Raise SettingsError if a property of one of our own nodes is unknown, of the wrong type or without effect.

        And if a gadget of despark is asked for that there is none: a Gadgetron would end the scan without a word.
        """
        for node in self.nodes:
            if node.module.startswith("gadgets.") and not node.is_ours:
                asked, known = node.module.removeprefix("gadgets."), list(NODE_SETTINGS)
                meant = meant_or_known(node.target if asked in known else asked, known)
                raise SettingsError(
                    f"{self.source}: expected module gadgets.NAME with target NAME of a gadget of despark, found "
                    f"module {quoted(node.module)} with target {quoted(node.target)}{meant}"
                )
            for stage in node.settings:
                if isinstance(stage, SparkDetectionSettings):
                    refuse_contradictions(stage)

    @property
    def own_settings(self) -> dict[str, str]:
        """What is set of the nodes that ``raw_repair`` is or joins, under the names that it has for them."""
        ours = (node for node in self.nodes if node.is_ours)
        return {name: value for node in ours for name, value in of_raw_repair(node.name, node.properties).items()}

    def with_settings(self, assignments: Iterable[str]) -> Chain:
        """Give the chain with properties set as in ``spark_detection.threshold=0.9``.

        Raises
        ------
        SettingsError
            An assignment is not of that form, names a node that is not in the chain or a property that the
            node does not have, or its value is of the wrong type.
        """
        # The whole document, so that parts which only a Gadgetron runs reach it with the settings.
        changed = self._copied()
        for assignment in assignments:
            path, equals, value = assignment.partition("=")
            name, dot, property_name = path.strip().partition(".")
            if not (equals and dot and property_name):
                meant = did_you_mean(path.strip(), self._property_names) if equals and not dot else ""
                raise SettingsError(f"expected NODE.PROPERTY=VALUE, found {assignment!r}{meant}")
            if not fits_xml(assignment):
                raise SettingsError(f"expected a setting of characters that XML has, found {quoted(assignment)}")
            changed.set_property(name, property_name, value)
        # At the end, and for all: one assignment may be right only together with another.
        changed.check_settings()
        return changed

    def _copied(self) -> Chain:
        root = deepcopy(self.root)
        elements = root.iterfind("stream/external")
        nodes = (replace(node, element=element) for node, element in zip(self.nodes, elements, strict=True))
        return replace(self, root=root, nodes=tuple(nodes))

    def set_property(self, name: str, property_name: str, value: str) -> None:
        """Set a property of every node of that name, or of the node that joins a stage of that name."""
        found = [(node, property_name) for node in self.nodes if node.name == name]
        # raw_repair joins the stages: spark_detection.threshold means the same in every chain.
        found += [(node, f"{name}.{property_name}") for node in self.nodes if name in node.stages]
        if not found:
            raise SettingsError(
                f"{self.source}: no node {name!r} to set {property_name!r} of{self._meant(name, property_name)}"
            )
        for node, full_name in found:
            node.set_property(full_name, value)

    @property
    def _node_names(self) -> list[str]:
        return list(dict.fromkeys(known for node in self.nodes for known in (node.name, *node.stages)))

    @property
    def _property_names(self) -> list[str]:
        """The properties of our own nodes as ``--set`` takes them."""
        known = [
            (node.name, own) for node in self.nodes if node.is_ours for own in property_names(NODE_SETTINGS[node.name])
        ]
        return [own if "." in own else f"{name}.{own}" for name, own in known]

    def _meant(self, name: str, property_name: str) -> str:
        """Say what was meant by a node that is not there: the stage behind it, or a node of a name like it."""
        stage = property_name.partition(".")[0]
        if stage in self._node_names:
            return f", did you mean {property_name!r}?"
        return meant_or_known(name, self._node_names)
