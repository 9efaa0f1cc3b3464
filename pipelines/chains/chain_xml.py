"""A chain read from the XML that Gadgetron reads.

Everything is kept, so that a chain with parts that only a Gadgetron runs can still be sent to one;
:meth:`~pipelines.chains.chain.Chain.check_runnable` says what stands in the way of running it here.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from gadgets.errors import PipelineError
from gadgets.outside import XMLError, name_of, parse_xml
from pipelines.chains.chain import Chain
from pipelines.chains.chain_node import kinds_of, parse_node


def parse_chain(xml: bytes, source: str) -> Chain:
    """Read a chain.

    Raises
    ------
    PipelineError
        The XML is not well-formed, or not a configuration of the current form.
    """
    try:
        root = parse_xml(xml)
    except XMLError as error:
        raise PipelineError(f"{source}: {error}") from error
    for element in root.iter():
        # With a namespace, a node's own settings would be passed over without a word.
        element.tag = name_of(element)
    return _read(root, source)


def _read(root: Element, source: str) -> Chain:
    stream = root.find("stream")
    if root.tag != "configuration" or stream is None:
        without = " without one" if root.tag == "configuration" else ""
        raise PipelineError(f"{source}: expected <configuration> with a <stream>, found <{root.tag}>{without}")
    nodes, obstacles = [], []
    for element in stream:
        if element.tag == "external":
            nodes.append(parse_node(element, source))
        else:
            # Kept as a reason, not raised: the chain can still be sent to a Gadgetron.
            obstacles.append(f"the <{element.tag}> {_label(element)}")
    reads, unknown_readers = kinds_of(root.find("readers"), "reader")
    writes, unknown_writers = kinds_of(root.find("writers"), "writer")
    obstacles += [f"the reader or writer {name}" for name in unknown_readers + unknown_writers]
    for node in nodes:
        if node.address is None and node.element.find("execute").get("type", "python") != "python":  # type: ignore[union-attr]
            obstacles.append(f"the node {node.name}, which is not Python")
    return Chain(source, root, reads, writes, tuple(nodes), tuple(obstacles))


def _label(element: Element) -> str:
    named = (element.findtext(path) for path in ("name", "classname", "distributor/classname"))
    return next(filter(None, named), "without a name").strip()
