"""A chain: which nodes, in which order, with which settings; read from the XML that Gadgetron reads.

Parsing keeps everything, so that a chain with parts that only a Gadgetron runs can still be sent to one;
:meth:`Chain.check_runnable` says what stands in the way of running it here.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from gadgets.errors import PipelineError, SettingsError
from gadgets.settings import NODE_SETTINGS, properties_of, validate
from pipelines.messages import MessageID

CHAINS = Path(__file__).parent / "chains"
DECLARATION = b'<?xml version="1.0"?>\n'

_KINDS = {
    "Acquisition": MessageID.ACQUISITION,
    "GadgetIsmrmrdAcquisitionMessage": MessageID.ACQUISITION,
    "Waveform": MessageID.WAVEFORM,
    "GadgetIsmrmrdWaveformMessage": MessageID.WAVEFORM,
    "Image": MessageID.IMAGE,
    "MRIImage": MessageID.IMAGE,
    "Buffer": MessageID.RECONDATA,
    "IsmrmrdImageArray": MessageID.IMAGE_ARRAY,
    "AcquisitionBucket": MessageID.BUCKET,
}
ALL_KINDS = frozenset(_KINDS.values())


@dataclass(frozen=True, eq=False)
class Node:
    """One ``<external>`` of a chain.

    Attributes
    ----------
    element
        The ``<external>`` itself.
    module, target
        The function to call; empty where ``address`` names a process that already runs.
    address
        Host and port to connect to, or None where a process is to be started.
    accepts
        Kinds of message it is sent; others go round it.
    """

    element: Element
    module: str
    target: str
    address: tuple[str, int] | None
    accepts: frozenset[MessageID]

    @property
    def name(self) -> str:
        """The module's last part, or the address that is connected to."""
        return self.module.rpartition(".")[2] if self.address is None else f"{self.address[0]}:{self.address[1]}"

    @property
    def configuration(self) -> bytes:
        """The CONFIG it is sent: the first ``<configuration>``, or the XML declaration alone."""
        found = self.element.find("configuration")
        return DECLARATION if found is None else DECLARATION + _to_bytes(found) + b"\n"

    @property
    def is_ours(self) -> bool:
        """Whether it is one of the gadgets of this project, whose settings are known."""
        return self.name in NODE_SETTINGS and self.module == f"gadgets.{self.name}"

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that it joins, under whose names its properties are set too."""
        if not self.is_ours:
            return ()
        fields = NODE_SETTINGS[self.name].model_fields
        return tuple(name for name in fields if name in NODE_SETTINGS)

    @property
    def properties(self) -> dict[str, str]:
        """The properties in its ``<configuration>``."""
        return properties_of(self.configuration, self.name)

    def set_property(self, name: str, value: str) -> None:
        """Set a property, in place of the one that is there or behind all others."""
        configuration = self.element.find("configuration")
        if configuration is None:
            configuration = SubElement(self.element, "configuration")
        for element in configuration.iterfind("property"):
            if element.get("name") == name:
                element.set("value", value)
                return
        SubElement(configuration, "property", {"name": name, "value": value})


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
        return b'<?xml version="1.0" encoding="UTF-8"?>\n' + _to_bytes(self.root) + b"\n"

    def check_runnable(self) -> None:
        """Raise PipelineError if only a Gadgetron can run this chain; names the parts concerned."""
        if self.obstacles:
            raise PipelineError(f"{self.source}: only a Gadgetron can run {'; '.join(self.obstacles)}")
        if not self.nodes:
            raise PipelineError(f"{self.source}: the chain has no nodes")

    def check_settings(self) -> None:
        """Raise SettingsError if a property of one of our own nodes is unknown or of the wrong type."""
        for node in self.nodes:
            if node.is_ours:
                validate(node.properties, NODE_SETTINGS[node.name], node.name)

    def with_settings(self, assignments: Iterable[str]) -> Chain:
        """Give the chain with properties set as in ``spark_detection.threshold=0.9``.

        Raises
        ------
        SettingsError
            An assignment is not of that form, names a node that is not in the chain or a property that the
            node does not have, or its value is of the wrong type.
        """
        changed = parse_root(deepcopy(self.root), self.source)
        for assignment in assignments:
            path, equals, value = assignment.partition("=")
            name, dot, property_name = path.strip().partition(".")
            if not (equals and dot and property_name):
                raise SettingsError(f"expected NODE.PROPERTY=VALUE, found {assignment!r}")
            changed.set_property(name, property_name, value)
        changed.check_settings()
        return changed

    def set_property(self, name: str, property_name: str, value: str) -> None:
        """Set a property of every node of that name, or of the node that joins a stage of that name."""
        found = [(node, property_name) for node in self.nodes if node.name == name]
        found += [(node, f"{name}.{property_name}") for node in self.nodes if name in node.stages]
        if not found:
            known = ", ".join(known for node in self.nodes for known in (node.name, *node.stages)) or "none"
            raise SettingsError(f"{self.source}: no node {name!r} to set {property_name!r} of (known: {known})")
        for node, full_name in found:
            node.set_property(full_name, value)


def find_chain(name: str) -> Chain:
    """Find a chain by the name of a packaged one or by the path of a file.

    Raises
    ------
    PipelineError
        There is no such chain, or it cannot be read.
    """
    path = Path(name)
    if name in packaged_names():
        return packaged_chain(name)
    if path.is_file():
        try:
            return parse_chain(path.read_bytes(), name)
        except OSError as error:
            raise PipelineError(f"{name}: cannot be read ({error.strerror})") from error
    return packaged_chain(name)


def packaged_chain(name: str) -> Chain:
    """Find a chain among those that come with despark, ``.xml`` or not at the end of its name."""
    stem = name.removesuffix(".xml")
    if stem not in packaged_names():
        raise PipelineError(f"unknown pipeline {name!r} (known: {', '.join(packaged_names())}; or an XML file)")
    return parse_chain((CHAINS / f"{stem}.xml").read_bytes(), stem)


def packaged_names() -> list[str]:
    """Name the chains that come with despark."""
    return sorted(path.stem for path in CHAINS.glob("*.xml"))


def parse_chain(xml: bytes, source: str) -> Chain:
    """Read a chain.

    Raises
    ------
    PipelineError
        The XML is not well-formed, or not a configuration of the current form.
    """
    try:
        root: Element = ElementTree.fromstring(xml.strip(b"\0 \t\r\n"))
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise PipelineError(f"{source}: not well-formed XML ({error or type(error).__name__})") from error
    return parse_root(root, source)


def parse_root(root: Element, source: str) -> Chain:
    """Read a chain from its parsed document."""
    stream = root.find("stream")
    if root.tag != "configuration" or stream is None:
        raise PipelineError(f"{source}: expected <configuration> with a <stream>, found <{root.tag}>")
    nodes, obstacles = [], []
    for element in stream:
        if element.tag == "external":
            nodes.append(_parse_node(element, source))
        else:
            obstacles.append(f"the <{element.tag}> {_label(element)}")
    reads, unknown_readers = _kinds(root.find("readers"), "reader")
    writes, unknown_writers = _kinds(root.find("writers"), "writer")
    obstacles += [f"the reader or writer {name}" for name in unknown_readers + unknown_writers]
    for node in nodes:
        if node.address is None and node.element.find("execute").get("type", "python") != "python":  # type: ignore[union-attr]
            obstacles.append(f"the node {node.name}, which is not Python")
    return Chain(source, root, reads, writes, tuple(nodes), tuple(obstacles))


def _parse_node(external: Element, source: str) -> Node:
    execute, connect = external.find("execute"), external.find("connect")
    accepts = ALL_KINDS
    if external.find("writers") is not None:
        accepts, _ = _kinds(external.find("writers"), "writer")
    if execute is not None:
        module, target = execute.get("name", ""), execute.get("target", "")
        if not module or not target:
            raise PipelineError(
                f"{source}: expected <execute name=… target=…>, found name {module!r}, target {target!r}"
            )
        return Node(external, module, target, None, accepts)
    port = connect.get("port", "") if connect is not None else ""
    if connect is None or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise PipelineError(f"{source}: expected <execute> or <connect port=…> in <external>, found port {port!r}")
    return Node(external, "", "", (connect.get("address") or "localhost", int(port)), accepts)


def _kinds(container: Element | None, tag: str) -> tuple[frozenset[MessageID], list[str]]:
    """Read kinds of message from ``<readers>`` or ``<writers>``, and the class names that are not known."""
    kinds, unknown = set(), []
    for element in container if container is not None else ():
        name = (element.findtext("classname") or "").strip()
        kind = _KINDS.get(name.removesuffix(tag.capitalize()))
        if kind is None:
            unknown.append(name or f"<{element.tag}>")
        else:
            kinds.add(kind)
    return frozenset(kinds), unknown


def _label(element: Element) -> str:
    return (element.findtext("name") or element.findtext("classname") or "without a name").strip()


def _to_bytes(element: Element) -> bytes:
    copied = deepcopy(element)
    copied.tail = None
    return bytes(tostring(copied, encoding="utf-8", xml_declaration=False))
