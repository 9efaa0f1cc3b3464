"""Write docker/sbom.cdx.json: what the worker image and the wheel bring along, with versions and licences.

``python .ci/sbom.py`` in an environment in which docker/requirements-worker.txt is installed: versions and hashes come
from that list, licences from what is installed, models from their manifest. The format is CycloneDX 1.6.
"""

from __future__ import annotations

import json
import re
import sys
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PINNED = ROOT / "docker" / "requirements-worker.txt"
BILL = ROOT / "docker" / "sbom.cdx.json"
LICENCE = "License :: "


def main() -> int:
    """Write the bill, or say which packages are not installed."""
    pins = re.findall(r"^([\w.-]+)==([\w.]+)", PINNED.read_text(encoding="utf-8"), re.MULTILINE)
    try:
        packages = [package(name, version) for name, version in pins]
    except PackageNotFoundError as absent:
        sys.stderr.write(f"expected what {PINNED.relative_to(ROOT)} lists to be installed, found no {absent.name}\n")
        return 1
    manifest = json.loads((ROOT / "onnx_models" / "manifest.json").read_text(encoding="utf-8"))
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": despark()},
        "components": [*packages, *(model(entry) for entry in manifest["models"])],
    }
    BILL.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
    return 0


def despark() -> dict[str, Any]:
    """Describe the project itself, as pyproject.toml does."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version, licence = (re.search(rf'^{key} = "(.+)"$', project, re.MULTILINE) for key in ("version", "license"))
    if version is None or licence is None:
        raise LookupError("expected a version and a license in pyproject.toml, found none")
    return {
        "type": "application",
        "name": "despark",
        "version": version[1],
        "licenses": [{"license": {"id": licence[1]}}],
    }


def package(name: str, version: str) -> dict[str, Any]:
    """Describe a Python package; its licence is what its own metadata say."""
    return {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
        "licenses": [{"license": {"name": licence_of(metadata(name))}}],
    }


def licence_of(said: Message) -> str:
    """Take the licence from where a package states it: expression, classifiers, or the first line of free text."""
    classifiers = [line.split(" :: ")[-1] for line in said.get_all("Classifier", []) if line.startswith(LICENCE)]
    free = (said.get("License") or "").strip().splitlines()
    return said.get("License-Expression") or ", ".join(classifiers) or (free[0] if free else "not stated")


def model(entry: dict[str, Any]) -> dict[str, Any]:
    """Describe a trained model by its role and hash."""
    return {
        "type": "machine-learning-model",
        "name": entry["name"],
        "description": entry["role"],
        "hashes": [{"alg": "SHA-256", "content": entry["sha256"]}],
    }


if __name__ == "__main__":
    sys.exit(main())
