"""What all nodes share: settings, the guard that makes failures visible, and the end of the stream.

A node is a function of a ``gadgetron`` Connection. It hands :func:`run_node` a function that opens what the node
needs (models, files) and gives its stage: a generator from incoming to outgoing items.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from gadgets.errors import DesparkError, PeerLostError, RawDataError, WireError, in_words
from gadgets.findings import ScanFacts
from gadgets.kspace import Encoding, announced_kspaces
from gadgets.logbook import ScanName, in_scan, note_scan
from gadgets.outside import printable, without_folders
from gadgets.process import keep_freed_memory, keep_one_blas_thread
from gadgets.records import Assembly, Detection
from gadgets.settings import SettingsT, named_files, read_settings, sees_a_part
from gadgets.wire import (
    ERROR,
    MESSAGE_ID,
    Acquisition,
    ImageMessage,
    RawMessage,
    ReconData,
    RecordCollector,
    Transport,
    Waveform,
    attach,
    encodings_of,
    facts_of,
)

logger = logging.getLogger(__name__)

Item: TypeAlias = Acquisition | Waveform | ReconData | ImageMessage | RawMessage
Stage: TypeAlias = Callable[[Iterable[Item]], Iterator[Item]]

# Input that cannot be parsed has no visible end; after such a pause it is taken to be over.
QUIET_S = 5.0


def run_node(
    connection: Any,  # noqa: ANN401 - gadgetron is untyped
    name: str,
    model: type[SettingsT],
    open_stage: Callable[[SettingsT, tuple[Encoding, ...], ScanFacts], Stage],
    named: Callable[[Iterable[Item]], Iterable[Item]] = iter,
) -> None:
    """Run a node on a connection until its input closes.

    Whatever fails is logged, the input is read to its end, and the reason goes out as an ERROR message, in this
    order: an ERROR before the input is drained can block a whole Gadgetron session, and without one a failure
    looks like success. The CLOSE that ends a node's output is sent by the ``gadgetron`` package.

    Parameters
    ----------
    connection
        A ``gadgetron`` Connection, configuration and header already read.
    name
        The node's name, in messages.
    model
        Its settings.
    open_stage
        Opens what the node needs, before any data, and gives its stage; takes the settings and what the header says.
    named
        :func:`hear_name` for a node behind others, which call the scan by the same name.
    """
    keep_freed_memory()
    keep_one_blas_thread()
    transport = attach(connection)
    files: list[Path] = []
    try:
        # From the bytes: for a configuration that it cannot parse the package gives None, which looks like no settings.
        configuration = connection.raw_bytes.config
        settings = read_settings(configuration, model, name)
        files = named_files(settings)
        encodings = encodings_of(connection.header)
        if sees_a_part(configuration):
            # What the header announces comes to all machines together: what does not come here is not missing.
            encodings = tuple(replace(encoding, last=None) for encoding in encodings)
        facts = facts_of(connection.header).model_copy(update={"announced": announced_kspaces(encodings)})
        received = _UntilLost(connection, transport, name)
        try:
            with in_scan():
                note_scan(protocol=facts.protocol)
                _send_all(connection, open_stage(settings, encodings, facts)(named(received)))
            transport.flush()
        finally:
            # What the stage makes of a part of its input is a consequence of the loss, and not the reason.
            if received.loss is not None:
                raise received.loss
    except DesparkError as error:
        # The reason says all; a traceback before it would only hide it.
        reason = without_folders(str(error), files)
        logger.error("%s: %s", name, reason)
        _report_failure(connection, transport, name, error, reason)
    except Exception as error:
        logger.exception("%s failed", name)
        _report_failure(connection, transport, name, error, without_folders(in_words(error), files))


def _send_all(connection: Any, items: Iterator[Item]) -> None:  # noqa: ANN401
    for item in items:
        try:
            connection.send(item)
        except PeerLostError as error:
            if isinstance(items, Generator):
                # Through the stage, so that the record of the scan says why it ended; other iterators take no errors.
                items.throw(error)
            raise
        del item  # or a k-space would be held while the next one is judged


def hear_name(items: Iterable[Item]) -> Iterator[Item]:
    """Take over the name of the scan from the first record that tells it; give all items as they come.

    Without it each node would have its own name: a Gadgetron tells none, and starts or joins its nodes one by one.
    """
    collector, is_heard = RecordCollector(Assembly, Detection), False
    for item in items:
        if not is_heard and isinstance(item, Waveform):
            is_heard = _hears(collector, item)
        yield item
        del item  # or it would be held while the next one is read


def _hears(collector: RecordCollector, waveform: Waveform) -> bool:
    try:
        collector.add(waveform)
    except RawDataError:
        # Whoever needs it complains of a damaged record.
        return False
    records = (*collector.take(Assembly), *collector.take(Detection))
    told = next(filter(None, (ScanName.told(record.scan, record.client) for record in records)), None)
    note_scan(told)
    return told is not None


class _UntilLost:
    """The items of a connection, up to where it breaks off: what came until then is judged and sent on."""

    def __init__(self, connection: Any, transport: Transport, name: str) -> None:  # noqa: ANN401
        self._connection = connection
        self._transport = transport
        self._name = name
        self.loss: PeerLostError | None = None

    def __iter__(self) -> Iterator[Item]:
        try:
            yield from self._connection
        except PeerLostError as error:
            # Where nobody reads any more, there is nobody to judge anything for.
            if self._transport.is_lost():
                raise
            logger.warning("%s: %s; what came until then is sent on", self._name, error)
            self.loss = error


def _report_failure(
    connection: Any,  # noqa: ANN401
    transport: Transport,
    name: str,
    error: Exception,
    reason: str,
) -> None:
    _drain(connection, transport, error)
    # A scan may have several nodes, and its client sees nothing but this text.
    text = reason if reason.startswith(name) else f"{name}: {reason}"
    content = printable(text).encode()
    try:
        transport.write(MESSAGE_ID.pack(ERROR), struct.pack("<Q", len(content)), content)
        transport.flush()
    except PeerLostError as lost:
        logger.warning("%s: the reason could not be sent: %s", name, lost)


def _drain(connection: Any, transport: Transport, error: Exception) -> None:  # noqa: ANN401
    """Read the input to its end, as far as it has one."""
    if isinstance(error, PeerLostError) or transport.is_at_end:
        return
    try:
        # Where messages can still be read the end is a CLOSE; in bytes alone it is a guess.
        if not isinstance(error, WireError):
            for _ in connection:
                pass
            return
    except PeerLostError:
        return
    except WireError as damage:
        logger.warning("the rest of the input cannot be parsed either: %s", damage)
    transport.discard_input(QUIET_S)
