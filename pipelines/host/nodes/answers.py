"""What a node answers, and what it means when it answers nothing more."""

from __future__ import annotations

from gadgets.errors import NodeError, PeerLostError, WireError
from pipelines.host.nodes.node_process import NodeProcess
from pipelines.messages import Message, MessageID

ENDED_EARLY = "it ended before it had read all of its input"
"""Of a node that closes with unread data, whose connection is then reset, with its CLOSE or without."""


def message_of(node: NodeProcess) -> Message:
    """Read the next message of a node.

    Raises
    ------
    NodeError
        It says that it failed, or ended without having said so.
    """
    try:
        message = node.read()
    except PeerLostError as error:
        # A reset means unread data: the node went away in the middle of its work.
        had_all = node.input_closed and not isinstance(error.__cause__, ConnectionError)
        raise node.failure("it ended without a CLOSE" if had_all else ENDED_EARLY) from error
    except WireError as error:
        raise NodeError(f"node {node.name} failed: {error}") from error
    if message.id in (MessageID.ERROR, MessageID.TEXT):
        reason = message.text.strip().removeprefix(f"{node.name}: ")
        raise NodeError(f"node {node.name} failed: {reason}")
    return message


def check_end(node: NodeProcess) -> None:
    """Raise NodeError unless a node ended as it should: its CLOSE comes after a crash, too."""
    # Read before the wait, during which the client's CLOSE may still arrive.
    had_all = node.input_closed
    if node.wait() != 0:
        raise node.failure("it ended badly")
    if not (had_all and node.has_read_all()):
        raise NodeError(f"node {node.name} failed: {ENDED_EARLY}")
