"""The health check: a scan without data through every node."""

from __future__ import annotations

import socket
import threading

import pytest

from gadgets.errors import NodeError
from pipelines.messages.messages import CLOSE, MessageID, text_message
from pipelines.worker.health import check_nodes
from pipelines.worker.worker import NODES, Worker

SETTINGS = {"spark_detection": {"method": "none"}, "raw_repair": {"spark_detection.method": "none"}}


def test_a_worker_that_runs_is_well():
    with Worker(dict.fromkeys(NODES, 0), settings=SETTINGS) as worker:
        check_nodes(worker.addresses)


def test_every_node_that_does_not_answer_is_named():
    with pytest.raises(NodeError, match=r"raw_repair at 127.0.0.1:1: nobody answers .*; calibration at 127.0.0.1:2: "):
        check_nodes({"raw_repair": ("127.0.0.1", 1), "calibration": ("127.0.0.1", 2)})


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "connection ended"),
        (text_message(MessageID.ERROR, "no models").data, "expected CLOSE, found ERROR no models"),
        (b"\x67\x12", "unknown message id 4711"),
        (None, "nothing came for 0.2 s"),
    ],
)
def test_another_answer_is_a_failure(answer, reason):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def play():
            connection, _ = listener.accept()
            with connection:
                while not connection.recv(1 << 16).endswith(bytes(CLOSE.data)):
                    pass
                if answer is None:
                    connection.recv(1)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=play)
        thread.start()
        with pytest.raises(NodeError, match=reason):
            check_nodes({"image_fft": listener.getsockname()}, limit_s=0.2)
        thread.join(10)
