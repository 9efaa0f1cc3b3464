"""The Docker files: clean, in agreement with each other and with what they install; no engine needed."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers.paths import ROOT

from gadgets.settings.definitions import NODE_SETTINGS
from onnx_models.manifest import read_manifest
from pipelines.commands.command_line import COMMANDS
from pipelines.commands.worker import BASE_PORT
from pipelines.host.host import Host
from pipelines.version import despark_version
from pipelines.worker.worker import NODES

DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
PINNED = sorted(DOCKER.glob("requirements-*.txt"))
PIN = re.compile(r"^([\w.-]+)==([\w.]+)", re.MULTILINE)
WITH_HASHES = re.compile(r"[\w.-]+==[\w.]+(?: --hash=sha256:[0-9a-f]{64})+")
GADGETRON_PORT = 9002


def text_of(name: str) -> str:
    return (DOCKER / name).read_text(encoding="utf-8")


def stages_of(dockerfile: Path) -> list[str]:
    return re.findall(r"^FROM \S+ AS (\S+)$", dockerfile.read_text(encoding="utf-8"), re.MULTILINE)


def pins_of(name: str) -> dict[str, str]:
    return {pin.lower().replace("_", "-"): version for pin, version in PIN.findall(text_of(name))}


@pytest.fixture
def services():
    yaml = pytest.importorskip("yaml", reason="needs PyYAML to read compose files")
    return yaml.safe_load(text_of("compose.yaml"))["services"]


@pytest.fixture
def cuda_services():
    yaml = pytest.importorskip("yaml", reason="needs PyYAML to read compose files")
    return yaml.safe_load(text_of("compose.cuda.yaml"))["services"]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_has_nothing_to_say(dockerfile):
    beside = Path(sys.executable).with_name("hadolint")
    hadolint = str(beside) if beside.exists() else shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("needs hadolint")
    result = subprocess.run([hadolint, "--no-color", dockerfile], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_what_a_dockerfile_copies_is_there_and_in_the_context(dockerfile):
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    stages = stages_of(dockerfile)
    for options, arguments in re.findall(r"^COPY ((?:--\S+ )*)(.+)$", dockerfile.read_text(), re.MULTILINE):
        *sources, _ = arguments.split()
        if "--from=" in options:
            assert options.split("--from=")[1].split()[0] in stages
            continue
        for source in sources:
            assert list(ROOT.glob(source)), source
            assert Path(source).parts[0] in allowed


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_an_image_is_not_run_by_root_and_says_how_it_is(dockerfile):
    content = dockerfile.read_text()
    assert int(re.findall(r"^USER (\d+)", content, re.MULTILINE)[-1]) > 0
    assert "HEALTHCHECK" in content
    assert "\nFROM ${" in content or re.search(r"^FROM python:\$\{PYTHON\}", content, re.MULTILINE)
    assert re.search(r"^ARG PYTHON=3\.12\.\d+-slim-\w+$", content, re.MULTILINE)


def test_the_ports_are_those_of_the_worker_and_of_gadgetron():
    exposed = re.search(r"^EXPOSE (.+)$", text_of("worker.Dockerfile"), re.MULTILINE)[1]
    assert [int(port) for port in exposed.split()] == [BASE_PORT + number for number in range(len(NODES))]
    assert f"\n# {', '.join(NODES)}\nEXPOSE" in text_of("worker.Dockerfile")
    assert f"\nEXPOSE {GADGETRON_PORT}\n" in text_of("gadgetron.Dockerfile")


def test_every_version_is_pinned_once_and_satisfies_the_project():
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11")
    packaging = pytest.importorskip("packaging.requirements")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {
        "requirements-worker.txt": [*project["dependencies"], *project["optional-dependencies"]["mrd2"]],
        "requirements-gadgetron.txt": project["dependencies"],
    }
    for name, texts in needed.items():
        pins = pins_of(name)
        for requirement in map(packaging.Requirement, texts):
            assert requirement.specifier.contains(pins[requirement.name.lower()]), requirement
    assert pins_of("requirements-gadgetron.txt")["numpy"] == "1.26.4"
    assert "hatchling" in pins_of("requirements-build.txt")


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.name)
def test_a_list_of_packages_holds_nothing_but_exact_versions_with_hashes(path):
    joined = path.read_text().replace(" \\\n   ", "")
    lines = [line for line in joined.splitlines() if not line.startswith("#")]
    assert lines
    assert [line for line in lines if not WITH_HASHES.fullmatch(line)] == []
    assert len({line.split("==")[0].lower() for line in lines}) == len(lines)


def test_pip_installs_nothing_in_an_image_but_hashed_packages_and_our_wheel():
    for dockerfile in DOCKERFILES:
        installs = re.findall(r"pip install ((?:.|\\\n)+?)(?: \\)?\n", dockerfile.read_text())
        assert installs
        assert [line for line in installs if "--require-hashes" not in line and not line.endswith(".whl")] == []


def test_the_bill_of_materials_names_what_is_installed():
    components = json.loads(text_of("sbom.cdx.json"))["components"]
    packages = {part["name"].lower().replace("_", "-"): part for part in components if part["type"] == "library"}
    assert {name: part["version"] for name, part in packages.items()} == pins_of("requirements-worker.txt")
    licences = {name: part["licenses"][0]["license"]["name"] for name, part in packages.items()}
    assert [name for name, licence in licences.items() if licence in {"", "not stated"}] == []
    models = {part["name"]: part["hashes"][0]["content"] for part in components if part["type"] != "library"}
    assert models == {model.name: model.sha256 for model in read_manifest(None).models}


def test_compose_starts_gadgetron_and_a_worker_on_its_localhost(services):
    assert set(services) == {"gadgetron", "worker", "demo"}
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    for name in ("gadgetron", "worker"):
        build = services[name]["build"]
        assert (DOCKER / build["context"]).resolve() == ROOT
        assert (ROOT / build["dockerfile"]).is_file()
        assert services[name]["image"] == f"despark-{name}:{version}"
    assert services["worker"]["build"]["target"] in stages_of(DOCKER / "worker.Dockerfile")
    assert {services[name]["network_mode"] for name in ("worker", "demo")} == {"service:gadgetron"}
    (port,) = services["gadgetron"]["ports"]
    assert port.startswith("${DESPARK_LISTEN:-127.0.0.1}:")
    assert port.endswith(f":{GADGETRON_PORT}")


def test_the_demo_waits_for_both_and_replays_chains_that_there_are(services):
    demo = services["demo"]
    assert {name: needs["condition"] for name, needs in demo["depends_on"].items()} == dict.fromkeys(
        ("gadgetron", "worker"), "service_healthy"
    )
    assert demo["image"] == services["worker"]["image"]
    assert demo["profiles"] == ["demo"]
    (script,) = demo["command"]
    assert demo["entrypoint"] == ["/bin/sh", "-ec"]
    assert set(re.findall(r"\bdespark (\w+)", script)) <= set(COMMANDS)
    assert f"--host 127.0.0.1:{GADGETRON_PORT}" in script
    for pipeline in re.search(r"for pipeline in (.+); do", script)[1].split():
        assert (ROOT / "pipelines" / "chains" / f"{pipeline}.xml").is_file()


def test_with_a_gpu_the_same_services_get_other_images(services, cuda_services):
    assert set(cuda_services) == set(services)
    for name, service in cuda_services.items():
        assert service["image"] == f"{services[name]['image']}-cuda"
        assert service["deploy"]["resources"]["reservations"]["devices"][0]["driver"] == "nvidia"
    assert cuda_services["worker"]["build"]["target"] in stages_of(DOCKER / "worker.Dockerfile")


def test_the_scripts_are_in_order():
    script = DOCKER / "smoke_test.sh"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], check=True)
    content = script.read_text()
    assert content.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in content
    assert "import gadgets" in content


def test_files_that_the_readme_names_are_there():
    links = re.findall(r"\]\(([^)#]+)\)", text_of("README.md"))
    assert [link for link in links if not (DOCKER / link).exists()] == []
    assert {path.name for path in [*DOCKERFILES, *PINNED]} - set(links) == {"requirements-build.txt"}


def check(*address: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(DOCKER / "check_gadgetron.py"), *address]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def answering(answer: bytes) -> tuple[str, str]:
    """A server for one client, and where it listens."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            connection.sendall(answer)
            while connection.recv(1024):
                pass

    threading.Thread(target=serve, daemon=True).start()
    return "127.0.0.1", str(listener.getsockname()[1])


def test_the_check_knows_a_host_that_is_well():
    with Host() as host:
        result = check(*map(str, host.address))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith(f"(despark {despark_version()})\n")


def test_the_check_knows_a_gadgetron(transcripts_folder):
    result = check(*answering((transcripts_folder / "t03_query_version.server_to_client.bin").read_bytes()))
    assert (result.returncode, result.stdout, result.stderr) == (0, "4.7.2\n", "")


def test_the_check_asks_as_the_stock_client_does(transcripts_folder):
    asked = (transcripts_folder / "t03_query_version.client_to_server.bin").read_bytes()
    listener = socket.create_server(("127.0.0.1", 0))
    received = []

    def serve() -> None:
        with listener, listener.accept()[0] as connection, connection.makefile("rb") as stream:
            received.append(stream.read(len(asked)))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    check("127.0.0.1", str(listener.getsockname()[1]))
    thread.join(30)
    assert received == [asked]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_the_check_knows_what_is_no_gadgetron(answer):
    if answer:
        result = check(*answering(answer))
        assert "expected a RESPONSE from 127.0.0.1" in result.stderr
    else:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        result = check("127.0.0.1", str(port))
        assert f"no Gadgetron at 127.0.0.1:{port}" in result.stderr
    assert result.returncode == 1


def test_the_worker_serves_every_node():
    assert set(NODES) == set(NODE_SETTINGS)
