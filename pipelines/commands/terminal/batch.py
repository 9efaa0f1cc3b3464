"""One command for many files: an output for each, and no file that costs the others theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gadgets.errors import DesparkError, PipelineError, SettingsError
from pipelines.commands.terminal.shell import Shell
from pipelines.files import check_parent
from pipelines.replay import ScanReport

PLACE = "{}"
"""Stands in the output's name for the input's."""


def outputs_of(inputs: Sequence[Path], output: Path) -> list[Path]:
    """Give the output of every input.

    Parameters
    ----------
    inputs
        Files to read.
    output
        A name, with ``{}`` for the name of the input without its ending where there are several.

    Raises
    ------
    SettingsError
        Several inputs would be written to one output.
    """
    if len(inputs) > 1 and PLACE not in str(output):
        raise SettingsError(
            f"{output}: expected a name for each of {len(inputs)} inputs, found one; let {PLACE} stand for the name of "
            f"each, as in -o '{output.parent / f'{PLACE}{_ending(output)}'}'"
        )
    outputs = [Path(str(output).replace(PLACE, each.name.removesuffix(_ending(each)))) for each in inputs]
    twice = next((each for number, each in enumerate(outputs) if each in outputs[:number]), None)
    # Two folders may hold files of one name.
    if twice is not None:
        raise SettingsError(f"{twice}: expected inputs of different names, found two that would be written there")
    return outputs


def _ending(path: Path) -> str:
    return "".join(path.suffixes[-2:]) if path.name.lower().endswith(".nii.gz") else path.suffix


@dataclass(frozen=True)
class Batch:
    """What came of some files: the reports of those that did not fail, and what is said of the others."""

    reports: list[ScanReport]
    failures: tuple[str, ...] = ()

    def check(self, shell: Shell) -> None:
        """Say once more which files failed: at the end, where all else has gone by.

        Raises
        ------
        PipelineError
            Some did.
        """
        for failure in self.failures:
            shell.complain(f"failed: {failure}")
        if self.failures:
            n_files = len(self.reports) + len(self.failures)
            raise PipelineError(f"{len(self.failures)} of {n_files} files failed")

    def as_json(self) -> str:
        """Write the report of one file as a document, those of several as a list of them."""
        texts = [report.model_dump_json(indent=1) for report in self.reports]
        return texts[0] if len(texts) == 1 and not self.failures else f"[{','.join(texts)}]"


def run_all(shell: Shell, inputs: Sequence[Path], output: Path, run: Callable[[Path, Path], ScanReport]) -> Batch:
    """Run one file after the other; a failure is said, and the next one is run.

    Parameters
    ----------
    run
        Takes an input and its output.

    Raises
    ------
    DesparkError
        The only file failed, or no file could be written: the folder is missing.
    """
    outputs = outputs_of(inputs, output)
    if len(inputs) == 1:
        return Batch([run(inputs[0], outputs[0])])
    # Where the folder has the input's name in it, each run sees to its own.
    if PLACE not in str(output.parent):
        check_parent(output)
    reports, failures = [], []
    for source, target in zip(inputs, outputs, strict=True):
        try:
            reports.append(run(source, target))
        except DesparkError as error:
            failures.append(str(error) if str(source) in str(error) else f"{source}: {error}")
            shell.say(f"failed, going on with the next: {failures[-1]}")
    return Batch(reports, tuple(failures))
