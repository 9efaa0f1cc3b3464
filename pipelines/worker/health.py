"""Is a worker well? A whole scan without data through every node tells."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from gadgets.errors import NodeError, WireError
from pipelines.messages import CLOSE, MessageID, MessageReader, text_message

LIMIT_S = 10.0

_SPACE = "<matrixSize><x>2</x><y>2</y><z>1</z></matrixSize><fieldOfView_mm><x>1</x><y>1</y><z>1</z></fieldOfView_mm>"
# The least that the header's parser takes.
_HEADER = (
    '<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">'
    "<experimentalConditions><H1resonanceFrequency_Hz>1</H1resonanceFrequency_Hz></experimentalConditions>"
    f"<encoding><encodedSpace>{_SPACE}</encodedSpace><reconSpace>{_SPACE}</reconSpace>"
    "<encodingLimits/><trajectory>cartesian</trajectory></encoding></ismrmrdHeader>"
)
_SCAN = b"".join(
    bytes(message.data)
    for message in (
        text_message(MessageID.CONFIG, '<?xml version="1.0"?>\n'),
        text_message(MessageID.HEADER, _HEADER),
        CLOSE,
    )
)


def check_nodes(addresses: Mapping[str, tuple[str, int]], limit_s: float = LIMIT_S) -> None:
    """Run a scan without data through every node.

    Raises
    ------
    NodeError
        A node cannot be reached or does not answer as it should; every one that fails is named.
    """
    failures = [failure for node, address in addresses.items() if (failure := _failure(node, address, limit_s))]
    if failures:
        raise NodeError("; ".join(failures))


def _failure(node: str, address: tuple[str, int], limit_s: float) -> str:
    where = f"{node} at {address[0]}:{address[1]}"
    try:
        with socket.create_connection(address, timeout=limit_s) as connection:
            connection.sendall(_SCAN)
            message = MessageReader(connection, where).read()
    except OSError as error:
        return f"{where}: nobody answers ({error})"
    except WireError as error:
        return str(error)
    # A node that cannot work sends an ERROR with its reason before the CLOSE.
    return "" if message.id is MessageID.CLOSE else f"{where}: expected CLOSE, found {message.id.name} {message.text}"
