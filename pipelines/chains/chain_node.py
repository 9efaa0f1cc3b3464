"""One node of a chain: an ``<external>``, which a process of its own runs."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from pydantic import BaseModel

from gadgets.errors import PipelineError
from gadgets.outside import quoted
from gadgets.settings import NODE_SETTINGS, properties_of, validate
from pipelines.messages import MessageID

DECLARATION = b'<?xml version="1.0"?>\n'

# Gadgetron's readers and writers without their ending. Several classes may read one kind of message.
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
        return DECLARATION if found is None else DECLARATION + to_bytes(found) + b"\n"

    @property
    def is_ours(self) -> bool:
        """Whether it is one of the gadgets of this project, whose settings are known."""
        return self.target in NODE_SETTINGS and self.module == f"gadgets.{self.target}"

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that it joins, under whose names its properties are set too."""
        if not self.is_ours:
            return ()
        # A node that joins stages has a field for each, of the stage's own name.
        fields = NODE_SETTINGS[self.name].model_fields
        return tuple(name for name in fields if name in NODE_SETTINGS)

    @property
    def properties(self) -> dict[str, str]:
        """The properties in its ``<configuration>``."""
        return properties_of(self.configuration, self.name)

    @property
    def settings(self) -> tuple[BaseModel, ...]:
        """Its settings and those of the stages that it joins; none of a node that is not ours.

        Raises
        ------
        SettingsError
            A property is unknown, or its value is of the wrong type.
        """
        if not self.is_ours:
            return ()
        own = validate(self.properties, NODE_SETTINGS[self.name], self.name)
        return (own, *(getattr(own, stage) for stage in self.stages))

    def set_property(self, name: str, value: str) -> None:
        """Set a property, in place of the one that is there or behind all others."""
        configuration = self.element.find("configuration")
        if configuration is None:
            configuration = SubElement(self.element, "configuration")
        there = [element for element in configuration.iterfind("property") if element.get("name") == name]
        # All of them: of a property that stands there twice the node takes the last.
        for element in there or [SubElement(configuration, "property", {"name": name})]:
            element.set("value", value)


def of_raw_repair(node: str, properties: Mapping[str, str]) -> dict[str, str]:
    """Give properties of a node under the names that ``raw_repair`` has for them, apart from where things are written.

    Those of nodes that it does not join are left out.
    """
    if node != "raw_repair":
        joined = NODE_SETTINGS["raw_repair"].model_fields
        properties = {f"{node}.{name}": value for name, value in properties.items()} if node in joined else {}
    return {name: value for name, value in properties.items() if name.rpartition(".")[2] not in ("report", "record")}


def parse_node(external: Element, source: str) -> Node:
    """Read an ``<external>``.

    Raises
    ------
    PipelineError
        It says neither what to start nor where to connect to, or both.
    """
    execute, connect = external.find("execute"), external.find("connect")
    if execute is not None and connect is not None:
        raise PipelineError(f"{source}: expected <execute> or <connect> in <external>, found both")
    # An external without writers of its own is sent everything that one can be written for.
    accepts = ALL_KINDS
    if external.find("writers") is not None:
        accepts, _ = kinds_of(external.find("writers"), "writer")
    if execute is not None:
        module, target = execute.get("name", ""), execute.get("target", "")
        if not module or not target:
            raise PipelineError(
                f"{source}: expected <execute name=… target=…>, found name {quoted(module)}, target {quoted(target)}"
            )
        return Node(external, module, target, None, accepts)
    port = connect.get("port", "") if connect is not None else ""
    if connect is None or not port.isdecimal() or len(port) > 5 or not 0 < int(port) < 1 << 16:
        found = quoted(port)
        raise PipelineError(f"{source}: expected <execute> or <connect port=…> in <external>, found port {found}")
    # What runs there is not known: such a node is named by its address, and its settings are not checked.
    return Node(external, "", "", (connect.get("address") or "localhost", int(port)), accepts)


def kinds_of(container: Element | None, tag: str) -> tuple[frozenset[MessageID], list[str]]:
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


def to_bytes(element: Element) -> bytes:
    """Write an element as XML, without what stands behind it."""
    # The text behind an element belongs to it in this library, but not to what is sent.
    copied = deepcopy(element)
    copied.tail = None
    return bytes(tostring(copied, encoding="utf-8", xml_declaration=False))
