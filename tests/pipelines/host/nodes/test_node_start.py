"""How a node's process starts: nothing is imported from the working directory, and it ends with its host."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest
from helpers.connections import is_running, wait_until
from helpers.paths import PROBES
from helpers.raw_scans import LIMIT_S, chain_xml, converse, scan_bytes

from pipelines.chains import EVERYTHING
from pipelines.host.host import Host
from pipelines.host.nodes.node_start import NODE_START
from pipelines.messages.messages import MessageID, text_message

RAW_REPAIR = (
    '<external><execute name="gadgets.raw_repair" target="raw_repair" type="python"/>'
    '<configuration><property name="spark_detection.method" value="none"/></configuration></external>'
)
SHADOWS = ["numpy.py", "gadgets/__init__.py", "gadgetron.py", "runpy.py", "ctypes/__init__.py", "sitecustomize.py"]

# It starts a node, says its process id, and is not heard of again: the node waits for a configuration.
HOST = """
import sys, time
from pipelines.chains import parse_chain
from pipelines.host import NodeProcess
node = NodeProcess(parse_chain(sys.stdin.read().encode(), "stdin").nodes[0])
node.start()
if sys.argv[1] == "connected":
    node.connect()
print(node._process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory; the probe gadgets lie on PYTHONPATH, behind an empty entry."""
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path / "data")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", str(PROBES), os.environ.get("PYTHONPATH", "")]))
    return tmp_path / "data"


@pytest.mark.usefixtures("no_server")
@pytest.mark.parametrize("safe_path", [None, "1"], ids=["path as ever", "safe path"])
def test_what_lies_in_the_working_directory_is_not_run(folder, monkeypatch, safe_path):
    if safe_path:
        monkeypatch.setenv("PYTHONSAFEPATH", safe_path)
    for name in SHADOWS:
        (folder / name).parent.mkdir(exist_ok=True)
        # It says that it ran, and lets the others do so, too.
        (folder / name).write_text(f"open({str(folder / 'ran')!r}, 'a').write({name!r} + chr(10))\n")
    with Host(trust=EVERYTHING) as host:
        messages = converse(host.address, scan_bytes(chain_xml("pass_on", RAW_REPAIR)))
    assert not (folder / "ran").exists(), (folder / "ran").read_text()
    assert [message.id for message in messages] == [MessageID.ACQUISITION] * 9 + [MessageID.CLOSE]


def test_a_module_in_the_working_directory_is_no_node(folder):
    (folder / "local_gadgets.py").write_text("def pass_on(connection):\n    raise SystemExit(3)\n")
    with Host(trust=EVERYTHING) as host:
        text = converse(host.address, scan_bytes(chain_xml("pass_on", module="local_gadgets")))[-2].text
    reason = "exit code 1: ModuleNotFoundError: No module named 'local_gadgets'"
    assert text == f"node local_gadgets failed: {reason}"


def test_a_folder_that_pythonpath_names_is_searched_also_where_it_is_the_working_directory(folder, monkeypatch):
    (folder / "local_gadgets.py").write_text("def pass_on(connection):\n    raise SystemExit('found')\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    with Host(trust=EVERYTHING) as host:
        text = converse(host.address, scan_bytes(chain_xml("pass_on", module="local_gadgets")))[-2].text
    assert text == "node local_gadgets failed: exit code 1: found"


@pytest.mark.parametrize("level", ["debug", "all", ""])
def test_a_level_of_the_log_that_there_is_not_costs_no_node(monkeypatch, level):
    monkeypatch.setenv("GADGETRON_EXTERNAL_LOG_LEVEL", level)
    with Host(trust=EVERYTHING) as host:
        messages = converse(host.address, scan_bytes(chain_xml(RAW_REPAIR)))
    assert [message.id for message in messages] == [MessageID.ACQUISITION] * 9 + [MessageID.CLOSE]


def test_a_node_sees_neither_our_folder_nor_the_working_directory(folder):
    (folder / "package").mkdir()
    (folder / "package" / "shows.py").write_text("import sys\nraise SystemExit(repr(sys.path))\n")
    ours, theirs = socket.socketpair()
    environment = {**os.environ, "PYTHONPATH": str(folder / "package")}
    with ours, theirs:
        ours.sendall(scan_bytes(text_message(MessageID.CONFIG, "<a/>")))
        arguments = (str(theirs.fileno()), "shows", "target")
        result = start(*arguments, env=environment, pass_fds=[theirs.fileno()])
    shown = result.stderr.strip().splitlines()[-1]
    assert repr(str(folder / "package")) in shown
    assert not {repr(str(folder)), repr(str(NODE_START.parent)), "''"} & set(shown.strip("[]").split(", "))


def test_a_node_ends_where_its_host_closes_before_the_header():
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(bytes(text_message(MessageID.CONFIG, "<a/>").data))
        ours.close()
        result = start(str(theirs.fileno()), "module", "target", pass_fds=[theirs.fileno()])
    assert "the host has closed the connection" in result.stderr


@pytest.mark.usefixtures("folder")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's help is Linux's")
@pytest.mark.parametrize("how_far", ["started", "connected"])
def test_no_node_outlives_a_host_that_is_killed(how_far):
    command = [sys.executable, "-c", HOST, how_far]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as host:
        host.stdin.write(chain_xml("pass_on").decode())
        host.stdin.close()
        node = int(host.stdout.readline())
        assert how_far == "started" or is_running(node)
        host.kill()
    try:
        wait_until(lambda: not is_running(node), LIMIT_S / 4)
    finally:
        if is_running(node):
            os.kill(node, signal.SIGKILL)


def start(*arguments, **options):
    command = [sys.executable, str(NODE_START), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S, **options)
