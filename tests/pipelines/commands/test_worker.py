"""``despark worker`` as a process: it says where it listens, is found well, and ends when it is told to."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from helpers.raw_scans import LIMIT_S, chain_xml, converse, scan_bytes, scan_items

from gadgets.errors import SettingsError
from pipelines.chains import EVERYTHING
from pipelines.commands.command_line import main
from pipelines.commands.worker import ports_of
from pipelines.host.host import Host
from pipelines.messages.messages import CLOSE, MessageID, text_message
from pipelines.worker.worker import NODES

NO_DETECTION = {"DESPARK_SPARK_DETECTION_METHOD": "none"}


@pytest.fixture
def start():
    """Start a worker with one node on a free port; gives the process and the port."""
    processes = []

    def run(*arguments, node="raw_repair"):
        command = [sys.executable, "-m", "pipelines.commands.command_line", "worker", "--node", f"{node}=0", *arguments]
        process = subprocess.Popen(command, env={**os.environ, **NO_DETECTION}, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        line = process.stderr.readline()
        found = re.search(rf"{node} listens on 127.0.0.1:(\d+)", line)
        assert found, line
        return process, int(found[1])

    yield run
    for process in processes:
        process.kill()
        process.wait(LIMIT_S)
        process.stderr.close()


def check(port):
    with pytest.raises(SystemExit) as ended:
        main(["worker", "--check", "--node", f"raw_repair={port}"])
    return ended.value.code


def begin(peer):
    """Send a scan without its end, and see that it has begun: its noise measurement comes back at once."""
    peer.sendall(scan_bytes(text_message(MessageID.CONFIG, "<configuration/>"), close=b""))
    assert peer.recv(1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_serves_is_well_and_ends_when_it_is_told_to(start, number, capfd):
    process, port = start()
    assert check(port) == 0
    with Host(trust=EVERYTHING) as host:
        chain = chain_xml(f'<external><connect address="127.0.0.1" port="{port}"/></external>')
        assert len(converse(host.address, scan_bytes(chain, scan_items()))) == 10
    process.send_signal(number)
    assert process.wait(LIMIT_S) == 0
    assert "raw_repair" in process.stderr.read()
    assert check(port) == 1
    assert f"despark: raw_repair at 127.0.0.1:{port}: nobody answers" in capfd.readouterr().err


def test_a_second_signal_does_not_wait_for_scans(start):
    process, port = start("--grace", "600")
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as peer:
        begin(peer)
        process.send_signal(signal.SIGTERM)
        assert "stopping, 1 scans run" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0


def test_a_running_scan_may_end_first(start):
    process, port = start()
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as peer:
        begin(peer)
        process.send_signal(signal.SIGTERM)
        assert "stopping, 1 scans run" in process.stderr.readline()
        peer.sendall(bytes(CLOSE.data))
        received = b""
        while piece := peer.recv(1 << 16):
            received += piece
    assert received.endswith(bytes(CLOSE.data))
    assert process.wait(LIMIT_S) == 0


def test_a_fault_in_the_set_up_is_one_line_and_an_exit_code(tmp_path, capfd):
    with pytest.raises(SystemExit) as ended:
        main(["worker", "--port", "0", "--settings", str(tmp_path / "none.json")])
    assert ended.value.code == 1
    assert re.fullmatch(r"despark: .*none.json: cannot be read .*\n", capfd.readouterr().err)


def test_ports_follow_one_another_in_the_order_of_the_nodes():
    assert list(ports_of(9010, ()).items()) == [(node, 9010 + number) for number, node in enumerate(NODES)]
    assert set(ports_of(0, ()).values()) == {0}


def test_named_nodes_are_served_alone():
    assert ports_of(9010, ["raw_repair=8000", "calibration=0"]) == {"raw_repair": 8000, "calibration": 0}


@pytest.mark.parametrize("named", ["sharpen=1", "calibration", "calibration=", "calibration=70000", "calibration=-1"])
def test_a_node_or_port_that_is_none_is_refused(named):
    with pytest.raises(SettingsError, match=re.escape(f"expected NAME=PORT with one of {', '.join(NODES)}, found")):
        ports_of(9010, [named])


@pytest.mark.parametrize("named", [["calibration=1", "calibration=2"], ["calibration=1", "image_fft=1"]])
def test_a_node_or_port_given_twice_is_refused(named):
    with pytest.raises(SettingsError, match="expected every node and every port once"):
        ports_of(9010, named)


def asked(address):
    with urllib.request.urlopen(address, timeout=20) as answer:
        return answer.read().decode()


def test_monitors_are_answered_and_the_log_is_json():
    """A worker as a service runs it: the log for programs, health and numbers over HTTP, a clean end."""
    command = [sys.executable, "-m", "pipelines.commands.command_line", "worker", "--node", "calibration=0"]
    options = ["--monitor-port", "0", "--log-format", "json"]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as process:
        try:
            messages = (json.loads(line)["message"] for line in process.stderr)
            found = next(filter(None, (re.search(r"http://127\.0\.0\.1:\d+", message) for message in messages)))
            assert asked(f"{found[0]}/health") == "well\n"
            # The health check goes through the node, and is no scan.
            assert "despark_scans_total 0\n" in asked(f"{found[0]}/metrics")
        finally:
            process.terminate()
        assert list(messages)[-1].startswith("stopping")
    assert process.returncode == 0
