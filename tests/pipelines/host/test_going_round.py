"""A scan outlives its nodes and its data: what was sent comes back, and the reason with it."""

import os
import signal
import socket
import threading
import time

import pytest
from helpers.connections import wait_until
from helpers.raw_scans import HEADER, LIMIT_S, chain_xml, converse, raw_waveform, scan_bytes, scan_items

import pipelines.host.nodes.node_input
import pipelines.host.nodes.own_process
from gadgets.records import Original
from gadgets.wire import waveforms_of
from pipelines.chains import EVERYTHING, parse_chain
from pipelines.host import Host, ServerLimits
from pipelines.host.connections import ClientConnection
from pipelines.host.nodes.node_input import NodeInput
from pipelines.messages import CLOSE, MessageID, MessageReader, data_message, text_message

NOTHING_SOUGHT = '<property name="spark_detection.method" value="none"/>'
STRICT = NOTHING_SOUGHT + '<property name="spark_detection.on_failure" value="fail"/>'
WRITERS = ("AcquisitionWriter", "WaveformWriter", "ImageWriter")
IMAGE_NODES = ("acquisition_buffer", "spark_detection", "calibration", "image_fft")


def ours(name, properties=""):
    configuration = f"<configuration>{properties}</configuration>"
    return f'<external><execute name="gadgets.{name}" target="{name}" type="python"/>{configuration}</external>'


def image_chain():
    no_search = '<property name="method" value="none"/>'
    return chain_xml(*(ours(name, no_search * (name == "spark_detection")) for name in IMAGE_NODES), writes=WRITERS)


def drop_in(properties=NOTHING_SOUGHT):
    return chain_xml(ours("raw_repair", properties), writes=WRITERS)


class Talk:
    """A scan in pieces, with the processes of its nodes at hand."""

    def __init__(self, host, chain, header=HEADER):
        self.host = host
        self.connection = socket.create_connection(host.address, timeout=LIMIT_S)
        self.reader = MessageReader(self.connection, "server")
        self.connection.sendall(bytes(text_message(MessageID.CONFIG, chain).data))
        self.connection.sendall(bytes(text_message(MessageID.HEADER, header).data))

    def send(self, items):
        for item in items:
            kind = MessageID.ACQUISITION if hasattr(item, "trajectory") else MessageID.WAVEFORM
            self.connection.sendall(bytes(data_message(kind, item.to_bytes()).data))

    def processes(self):
        """The processes of the nodes that run for this client, by name; one that came before may not have ended yet."""
        ours = "{}:{}".format(*self.connection.getsockname())
        sessions = [session for session in list(self.host._sessions) if ours in session.name]
        nodes = [node for session in sessions if session._scan for node in session._scan._nodes]
        return {node.name: node._process for node in nodes if node._process}

    def kill(self, name):
        process = wait_until(lambda: self.processes().get(name))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(LIMIT_S)

    def finish(self, close=True):
        if close:
            self.connection.sendall(bytes(CLOSE.data))
        messages = [self.reader.read()]
        while messages[-1].id is not MessageID.CLOSE:
            messages.append(self.reader.read())
        self.connection.close()
        return messages


def of_kind(messages, kind):
    return [message for message in messages if message.id is kind]


@pytest.fixture(scope="module")
def host():
    with Host(trust=EVERYTHING) as running:
        yield running


@pytest.mark.parametrize("when", ["start", "middle", "end"])
def test_a_killed_drop_in_costs_its_repairs_and_no_readout(host, when):
    items = [*scan_items(n_lines=8, n_slices=3), raw_waveform(scan_counter=30)]
    talk = Talk(host, drop_in())
    n_before = {"start": 0, "middle": 14, "end": len(items)}[when]
    talk.send(items[:n_before])
    # What comes back shows that the node is in the middle of its work.
    returned = [talk.reader.read().body] if n_before else []
    talk.kill("raw_repair")
    talk.send(items[n_before:])
    messages = talk.finish()
    returned += [message.body for message in messages[:-2]]
    assert returned == [item.to_bytes() for item in items]
    assert "node raw_repair failed: killed by SIGKILL" in messages[-2].text
    assert "messages that it held go on as they came" in messages[-2].text
    assert len(converse(host.address, scan_bytes(drop_in()))) == 10


def cannot_fork(monkeypatch, name):
    """Let the process of a node end before it has begun, as one does that is killed as soon as it is there."""
    forked = pipelines.host.nodes.own_process.Forked

    def fork(function, arguments, *rest):
        if arguments[1] == name:
            raise ChildProcessError("it ended before it began, killed by SIGKILL")
        return forked(function, arguments, *rest)

    monkeypatch.setattr(pipelines.host.nodes.own_process, "Forked", fork)


def test_a_drop_in_that_cannot_be_started_costs_its_repairs_and_no_readout(host, monkeypatch):
    cannot_fork(monkeypatch, "raw_repair")
    items = scan_items(n_lines=8)
    messages = converse(host.address, scan_bytes(drop_in(), items))
    assert [message.body for message in messages[:-2]] == [item.to_bytes() for item in items]
    assert "node raw_repair cannot be started (it ended before it began" in messages[-2].text
    assert [message.id for message in converse(host.address, scan_bytes(drop_in(STRICT), items))] == [
        MessageID.TEXT,
        MessageID.CLOSE,
    ]


@pytest.mark.parametrize("name", IMAGE_NODES)
def test_a_step_of_the_image_chain_that_cannot_be_started_is_gone_round_where_that_is_possible(host, monkeypatch, name):
    cannot_fork(monkeypatch, name)
    messages = converse(host.address, scan_bytes(image_chain(), scan_items(n_lines=8, n_slices=3)))
    assert len(of_kind(messages, MessageID.IMAGE)) == (3 if name in ("spark_detection", "calibration") else 0)
    assert f"node {name} cannot be started" in messages[-2].text


def test_a_strict_drop_in_ends_the_scan(host):
    talk = Talk(host, drop_in(STRICT))
    talk.send(scan_items(n_lines=8)[:5])
    # The noise measurement passes at once.
    assert talk.reader.read().id is MessageID.ACQUISITION
    talk.kill("raw_repair")
    messages = talk.finish(close=False)
    assert [message.id for message in messages] == [MessageID.TEXT, MessageID.CLOSE]
    assert "killed by SIGKILL" in messages[0].text
    assert "it was sent" in messages[0].text


@pytest.mark.parametrize("name", ["spark_detection", "calibration"])
@pytest.mark.parametrize("when", ["start", "middle"])
def test_a_killed_step_of_the_image_chain_costs_no_image(host, name, when):
    items = scan_items(n_lines=8, n_slices=3)
    talk = Talk(host, image_chain())
    n_before = 0 if when == "start" else 12
    talk.send(items[:n_before])
    talk.kill(name)
    talk.send(items[n_before:])
    messages = talk.finish()
    assert len(of_kind(messages, MessageID.IMAGE)) == 3
    assert f"node {name} failed: killed by SIGKILL" in messages[-2].text


@pytest.mark.parametrize("name", ["acquisition_buffer", "image_fft"])
def test_what_a_killed_end_of_the_image_chain_has_cost_is_said(host, name):
    talk = Talk(host, image_chain())
    talk.send(scan_items(n_lines=8, n_slices=2)[:12])
    assert talk.reader.read().id is MessageID.IMAGE
    talk.kill(name)
    messages = talk.finish(close=False)
    assert of_kind(messages, MessageID.IMAGE) == []
    said = messages[-2].text
    assert f"node {name} failed: killed by SIGKILL" in said
    assert ("12 ACQUISITION, and gave" if name == "acquisition_buffer" else "and gave 1 IMAGE") in said


@pytest.mark.parametrize("chain", [drop_in(), image_chain()], ids=["drop-in", "image chain"])
def test_data_that_break_off_are_sent_on_as_far_as_they_came(host, chain):
    items = scan_items(n_lines=8)[:7]
    whole = scan_bytes(chain, items, close=bytes(data_message(MessageID.ACQUISITION, items[0].to_bytes()).data)[:99])
    messages = converse(host.address, whole, half_close=True)
    assert len(messages) == (9 if b"raw_repair" in chain else 3)
    assert "in the middle of message 10 (ACQUISITION)" in messages[-2].text


def test_what_a_silent_scan_has_brought_is_sent_on_before_it_is_given_up():
    with Host(limits=ServerLimits(idle_s=1.5), trust=EVERYTHING) as host:
        talk = Talk(host, drop_in())
        items = scan_items(n_lines=8)[:6]
        talk.send(items)
        messages = talk.finish(close=False)
    assert [message.body for message in messages[:-2]] == [item.to_bytes() for item in items]
    assert "nothing moved for 1.5 s" in messages[-2].text


def test_a_time_in_which_nothing_ran_as_in_a_paused_container_ends_no_scan(monkeypatch):
    looks = []
    is_lost = ClientConnection.is_lost
    monkeypatch.setattr(ClientConnection, "is_lost", lambda client: looks.append(client) or is_lost(client))
    with Host(limits=ServerLimits(idle_s=1000.0), trust=EVERYTHING) as host:
        talk = Talk(host, drop_in())
        items = scan_items(n_lines=8)
        talk.send(items[:5])
        wait_until(lambda: looks)
        clock = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: clock() + 5000)
        n_before = len(looks)
        wait_until(lambda: len(looks) > n_before + 1)
        talk.send(items[5:])
        messages = talk.finish()
    assert [message.body for message in messages[:-1]] == [item.to_bytes() for item in items]


def node_of(name="raw_repair", properties=""):
    return parse_chain(chain_xml(ours(name, properties)), "a test").nodes[0]


def acquisitions(n):
    return [data_message(MessageID.ACQUISITION, item.to_bytes()) for item in scan_items(n_lines=n)[1:]]


def test_what_is_not_kept_is_counted_as_lost(monkeypatch):
    sent = acquisitions(4)
    monkeypatch.setattr(pipelines.host.nodes.node_input, "KEPT_BYTES", 2 * len(sent[0].data))
    held = NodeInput(node_of())
    assert all(held.take(message) for message in sent)
    assert held.fate().startswith("2 messages that it held go on as they came, 2 are lost")
    held.give(sent[0])
    assert held.fate().startswith("1 messages that it held go on as they came, 2 are lost")
    assert list(held.left()) == [sent[1]]
    assert not held.take(sent[0])


def test_records_of_a_node_are_not_taken_for_what_it_was_sent():
    held = NodeInput(node_of("spark_detection"))
    waveforms = [data_message(MessageID.WAVEFORM, raw_waveform(scan_counter=number).to_bytes()) for number in range(3)]
    held.take(waveforms[0])
    held.give(waveforms[1])
    held.give(waveforms[0])
    held.take(waveforms[2])
    assert list(held.left()) == [waveforms[2]]


def test_what_follows_does_not_overtake_what_a_dead_node_held():
    held, order = NodeInput(node_of()), []
    first, second = acquisitions(2)
    held.take(first)
    left = held.left()
    assert next(left) is first

    def follow():
        assert not held.take(second)
        order.append("second")

    thread = threading.Thread(target=follow)
    thread.start()
    time.sleep(0.1)
    order.append("first")
    assert list(left) == []
    thread.join(LIMIT_S)
    assert order == ["first", "second"]


def test_what_is_given_once_more_is_not_taken_for_what_the_node_still_holds():
    held, data = NodeInput(node_of("calibration")), [data_message(MessageID.RECONDATA, bytes([n])) for n in range(2)]
    (original,) = waveforms_of(Original())
    for message in data:
        held.take(message)
    held.give(data[0])
    held.give(data_message(MessageID.WAVEFORM, bytes(original.header) + bytes(original.samples)))
    held.give(data[0])
    assert list(held.left()) == [data[1]]
