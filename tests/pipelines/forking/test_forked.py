"""Processes that are forked by a server without threads: what they have, how they end, and that nobody outlives us."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.connections import LIMIT_S, descendants, is_running, wait_until

from gadgets.errors import NodeError, RawDataError
from pipelines.chains import packaged_chain
from pipelines.files.foreign.child import in_child
from pipelines.forking import Forked, fork_here, owner, running
from pipelines.forking.request import ENDED, NEWS, REFUSED
from pipelines.host import NodeProcess

NEEDED = ("h5py", "pipelines.files.raw_file", "gadgetron.external.connection", "gadgets.image_fft", "onnxruntime")

# A program that owns a server, as a command does; what it does then is told on standard input.
PROGRAM = """
import os, sys, threading, time
from pipelines.forking import Forked, fork_here, owner, running
from pathlib import Path
exec(sys.stdin.read())
"""


def run_to_the_end(function, *arguments, **options):
    process = Forked(function, arguments, **options)
    try:
        return process.wait(LIMIT_S)
    finally:
        process.close()


def said(code, tmp_path, **options):
    """What a forked process says; it has no output of its own."""
    path = tmp_path / "said"
    assert run_to_the_end(exec, f"with open({str(path)!r}, 'w') as file: {code}", **options) == 0
    return path.read_text()


@pytest.mark.parametrize(
    ("function", "argument", "code"),
    [
        (len, "as usual", 0),
        (sys.exit, None, 0),
        (sys.exit, 3, 3),
        (sys.exit, "a reason", 1),
        (exec, "1 / 0", 1),
        (os._exit, 4, 4),
        (signal.raise_signal, signal.SIGSEGV, -signal.SIGSEGV),
    ],
)
def test_the_exit_code_is_that_of_an_interpreter(function, argument, code):
    process = Forked(function, (argument,))
    assert process.wait(LIMIT_S) == process.wait(0) == code
    process.close()
    assert process.wait(LIMIT_S) == code


def test_one_that_does_not_end_is_ended():
    process = Forked(exec, ("import time; time.sleep(600)",))
    assert process.wait(0.01) is None
    process.signal(signal.SIGKILL)
    assert process.wait(LIMIT_S) == -signal.SIGKILL
    process.signal(signal.SIGKILL)
    process.close()


def test_many_are_started_and_watched_at_once():
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda code: run_to_the_end(sys.exit, code), range(60))) == [*range(60)]


def test_it_has_our_folder_and_environment_and_nothing_else_of_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "here")
    monkeypatch.chdir(tmp_path)
    ours = os.open(tmp_path, os.O_RDONLY)
    other = Forked(exec, ("import time; time.sleep(600)",))
    shown = "os.getcwd(), os.environ['TOKEN'], os.getpgid(0) == os.getpid(), len(os.listdir('/proc/self/fd'))"
    # Beside the three descriptors that every process has: the file that it writes, and the folder that it lists.
    expected = [str(tmp_path), "here", "True", "5"]
    assert said(f"import os; print({shown}, file=file)", tmp_path).split() == expected
    other.signal(signal.SIGKILL)
    other.close()
    os.close(ours)


def test_another_environment_takes_the_place_of_ours(tmp_path):
    assert said("file.write(str(dict(__import__('os').environ)))", tmp_path, environment={"A": "1"}) == "{'A': '1'}"


def test_what_is_needed_is_imported_and_no_thread_runs(tmp_path):
    code = f"file.write(str([name in __import__('sys').modules for name in {NEEDED}]))"
    assert said(code, tmp_path) == str([True] * len(NEEDED))
    assert len(list(Path(f"/proc/{owner._running[0].process}/task").iterdir())) == 1


def test_a_server_that_is_killed_takes_what_it_forked_along_and_another_one_follows(no_server):
    process = Forked(exec, ("import time; time.sleep(600)",))
    (server,) = no_server
    os.kill(server.process, signal.SIGKILL)
    assert process.wait(LIMIT_S) == -signal.SIGKILL
    wait_until(lambda: not is_running(process.pid))
    process.close()
    assert run_to_the_end(sys.exit, 3) == 3
    assert no_server != [server]


def test_a_server_that_is_killed_before_its_process_has_read_what_to_do_is_gone_all_the_same(monkeypatch):
    ours, theirs = socket.socketpair()
    monkeypatch.setattr("pipelines.forking.forked.fork_process", lambda: (os.getpid(), ours))
    with theirs:
        process = Forked(sys.exit)
    assert process.wait(LIMIT_S) == -signal.SIGKILL
    process.close()


def no_process(control, kind, number):
    """Be a server of which no process comes."""
    with control:
        while (asked := socket.recv_fds(control, 1, 1))[0]:
            with socket.socket(fileno=asked[1][0]) as talk:
                talk.sendall(NEWS.pack(kind, number))


@pytest.mark.usefixtures("no_server")
@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (lambda control: no_process(control, REFUSED, errno.EAGAIN), "Resource temporarily unavailable"),
        (lambda control: no_process(control, ENDED, -9), "it ended before it began, killed by SIGKILL"),
        (socket.socket.close, "the process that starts others ends as soon as it is asked"),
    ],
)
def test_a_process_that_cannot_be_started_is_an_error_that_says_why(monkeypatch, server, reason):
    def spawn():
        ours, theirs = socket.socketpair()
        threading.Thread(target=server, args=(theirs,)).start()
        return owner.ForkServer(1 << 30, ours)

    monkeypatch.setattr(owner, "_spawn", spawn)
    with pytest.raises(OSError, match=reason):
        Forked(len)
    with pytest.raises(RawDataError, match=rf"^f: cannot be read, no process can be started \(.*{reason}\)$"):
        next(in_child(list, "f"))
    node = NodeProcess(packaged_chain("repair_raw").nodes[0])
    with pytest.raises(NodeError, match=rf"^node raw_repair cannot be started \(.*{reason}\)$"):
        node.start()
    node.close()


def program(code, **options):
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, input=code, capture_output=True, text=True, timeout=LIMIT_S, check=False, **options)


def test_a_program_without_threads_is_forked_itself(tmp_path):
    (tmp_path / "onnxruntime.py").write_text("raise SystemExit(9)")
    code = """
sys.mine = "of this process"
print("not twice", end="")
fork_here(for_nodes=True)
process = Forked(exec, ("import sys, onnxruntime; sys.exit(42 if sys.mine and '' not in sys.path else 1)",))
print(process.wait(), len(os.listdir(f"/proc/{owner._running[0].process}/task")))
"""
    shown = program(code, cwd=tmp_path)
    assert (shown.stdout, shown.stderr) == ("not twice42 1\n", "")


def test_one_that_is_stopped_before_it_begins_can_be_ended_and_its_server_is_not_taken_to_hang():
    code = """
import signal
from pipelines.forking import server
running.START_LIMIT_S = 5
server.end_with = lambda _: os.kill(os.getpid(), signal.SIGSTOP)
fork_here(for_nodes=False)
process = Forked(len, ("",))
print(process.wait(0.2), process.signal(9), process.wait(), len(owner._left))
"""
    shown = program(code)
    assert (shown.stdout, shown.stderr) == ("None None -9 0\n", "")


def test_a_program_with_threads_is_not_forked():
    code = "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\nfork_here(for_nodes=False)\n"
    assert program(code + "print(owner._running)").stdout == "[]\n"


@pytest.mark.parametrize("end", ["sys.exit()", "os.kill(os.getpid(), 9)"], ids=["exit", "kill"])
@pytest.mark.parametrize("begin", ["fork_here(for_nodes=True)", ""], ids=["fork", "program"])
def test_nobody_outlives_the_owner_or_holds_its_output(begin, end):
    code = "\nForked(exec, ('import time; time.sleep(600)',))\n"
    tell = "print(*(path.read_text() for path in Path('/proc').glob(f'{owner._running[0].process}/task/*/children')))\n"
    # It comes back once nobody holds its output any more.
    shown = program(begin + code + tell + "sys.stdout.flush()\n" + end)
    (forked,) = map(int, shown.stdout.split())
    wait_until(lambda: not is_running(forked))
    assert shown.stderr == ""


@pytest.mark.parametrize("begin", ["fork_here(for_nodes=True)", "Forked(len, ('',)).wait()"], ids=["fork", "program"])
def test_what_reaches_the_owner_from_its_terminal_reaches_no_server(begin):
    code = f"""
import signal
owner._imports = lambda: iter(())
spawn = os.posix_spawn
def spawn_and_interrupt(*arguments, **options):
    process = spawn(*arguments, **options)
    os.killpg(os.getpgrp(), signal.SIGINT)
    return process
os.posix_spawn = spawn_and_interrupt
signal.signal(signal.SIGINT, lambda *_: None)
{begin}
os.killpg(os.getpgrp(), signal.SIGINT)
print(Forked(sys.exit, (3,)).wait())
"""
    shown = program(code, start_new_session=True)
    assert (shown.stdout, shown.stderr) == ("3\n", "")


def test_a_server_that_is_stopped_does_not_outlive_an_owner_that_is_killed():
    code = """
fork_here(for_nodes=False)
server = owner._running[0].process
print(server, Forked(exec, ("import time; time.sleep(600)",)).pid, flush=True)
os.kill(server, 19)
os.kill(os.getpid(), 9)
"""
    for process in map(int, program(code).stdout.split()):
        wait_until(lambda process=process: not is_running(process))


@pytest.mark.parametrize("begin", ["fork_here(for_nodes=False)", ""], ids=["fork", "program"])
def test_a_program_without_input_output_and_errors_has_a_server_too(tmp_path, begin):
    code = (
        f"{begin}\nwith open({str(tmp_path / 'code')!r}, 'w') as file: file.write(str(Forked(sys.exit, (3,)).wait()))"
    )
    program = PROGRAM.replace("exec(sys.stdin.read())", code)
    command = ["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, program]
    assert subprocess.run(command, timeout=LIMIT_S, check=False).returncode == 0
    assert (tmp_path / "code").read_text() == "3"


def test_fork_here_leaves_a_server_that_runs_alone(no_server):
    assert run_to_the_end(len, "") == 0
    (server,) = no_server
    fork_here(for_nodes=False)
    assert no_server == [server]
    assert server.process in descendants()


def test_a_server_that_is_stopped_is_followed_by_another_one_and_leaves_its_processes_alone(no_server, monkeypatch):
    process = Forked(exec, ("import time; time.sleep(600)",))
    (server,) = no_server
    os.kill(server.process, signal.SIGSTOP)
    # The next one gets the time that it needs: it has not answered yet.
    monkeypatch.setattr(running, "ANSWER_LIMIT_S", 0.2)
    assert run_to_the_end(sys.exit, 3) == 3
    assert server not in no_server
    assert is_running(process.pid)
    process.close()
    owner._end()
    wait_until(lambda: not is_running(process.pid))


def test_a_folder_that_has_been_removed_is_left(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    code = f"os.rmdir({str(folder)!r})\nfork_here(for_nodes=False)\nprint(Forked(sys.exit, (3,)).wait())"
    shown = program(code, cwd=folder)
    assert (shown.stdout, shown.stderr) == ("3\n", "")


def test_a_folder_into_which_this_user_may_not_look_is_left(monkeypatch, tmp_path):
    opened = os.open

    def closed(path, *arguments, **options):
        if path == ".":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return opened(path, *arguments, **options)

    monkeypatch.setattr(os, "open", closed)
    assert said("import os; file.write(os.getcwd())", tmp_path) == "/"


REFUSED_FORK = """
def refuse(): raise BlockingIOError(11, "no more processes")
os.fork, before = refuse, len(os.listdir("/proc/self/fd"))
try: fork_here(for_nodes=False)
except BlockingIOError as error: print(error.strerror, len(os.listdir("/proc/self/fd")) - before)
"""


def test_a_fork_that_the_system_refuses_leaves_no_socket_open():
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=REFUSED_FORK, capture_output=True, text=True, timeout=LIMIT_S, check=True
    )
    assert ended.stdout == "no more processes 0\n"
