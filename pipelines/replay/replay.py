"""Replays a raw file through a chain, on a host of its own or on any Gadgetron, and sees that all comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gadgets.errors import PipelineError, RawDataError
from gadgets.wire import facts_of
from pipelines.chains import EVERYTHING, Chain, check_models, check_reports, find_chain
from pipelines.files import (
    RawFile,
    RawItem,
    Target,
    check_folder,
    check_new_folder,
    readable,
    same_file,
    scratch_folder,
    whole_or_nothing,
)
from pipelines.host import Host
from pipelines.messages import Message, MessageID, filename_message, parse_address, text_message
from pipelines.replay.client import ScanClient, connect
from pipelines.replay.converted import check_target, convert
from pipelines.replay.expected import Expected
from pipelines.replay.gathered import read_records
from pipelines.replay.node_reports import (
    asks_for_findings,
    check_not_added_to,
    report_offsets,
    with_findings,
    with_reports,
)
from pipelines.replay.outcome import made_by, report_of
from pipelines.replay.scan_output import Counts, ScanOutput
from pipelines.replay.scan_report import ScanReport

DEFAULT_PIPELINE = "spark_calibration"


@dataclass(frozen=True)
class Replay:
    """What to replay: see ``despark replay --help``."""

    raw: Path
    output: Path
    pipeline: str = DEFAULT_PIPELINE
    settings: tuple[str, ...] = ()
    host: str | None = None
    group: str = "dataset"
    report: Path | None = None
    on_phase: Callable[[str], None] = field(default=lambda _: None)
    """Called with what begins now and may take a while."""

    on_sent: Callable[[int, int], None] = field(default=lambda _sent, _total: None)
    """Called with the number of acquisitions and waveforms sent so far, and of all; in another thread."""

    on_returned: Callable[[int, int], None] = field(default=lambda _returned, _total: None)
    """Called with how many acquisitions and waveforms or images came back, and of how many; 0 where nobody knows."""

    on_notice: Callable[[str], None] = field(default=lambda _: None)
    """Called with what the user should know and need not act upon."""

    def run(self) -> ScanReport:
        """Run the scan; the output exists when this returns, and is complete.

        Raises
        ------
        DesparkError
            The input, the chain, its settings or the server is at fault, or not all came back; nothing is
            left of the output then.
        """
        started = time.monotonic()
        target = Target.of(self.output)
        self._check_files(target)
        chain = self._find_chain()
        if chain is not None:
            chain.check_writers()
        with RawFile(self.raw, self.group) as raw, scratch_folder() as folder:
            if raw.other_groups:
                self.on_notice(f"other groups of {self.raw} are not copied: {', '.join(raw.other_groups)}")
            expected = Expected.of(raw, chain)
            check_target(target, chain, expected.images)
            settings = {node.name: node.properties for node in chain.nodes if node.is_ours} if chain is not None else {}
            chain, is_told = self._prepared(chain, folder)
            # Reports are added to, never replaced: what earlier scans wrote is not this one's.
            offsets = report_offsets(chain)
            with whole_or_nothing(self.output, is_folder=target.is_folder) as temporary:
                stored = temporary if target.kind == "MRD" else folder / "images.h5"
                output = ScanOutput(stored, raw.header_xml, is_told=is_told, made_by=made_by(chain))
                # Inside, while the output has its temporary name: an incomplete one never gets its own.
                expected.check(self._stream(raw, chain, output, expected.total(raw)), output.counts)
                if target.kind != "MRD":
                    for notice in convert(stored, target, raw.header, output.counts, temporary):
                        self.on_notice(notice)
            # A server elsewhere writes them there.
            here = {path: offset for path, offset in offsets.items() if self.host is None or path.is_file()}
            records = [record for path, offset in here.items() for record in read_records(path, offset)]
            records += output.records()
            report = report_of(
                output,
                records,
                facts_of(raw.header),
                input=readable(self.raw),
                group=self.group,
                output=readable(self.output),
                pipeline=self.pipeline,
                settings=settings,
                seconds=time.monotonic() - started,
            )
        self._write_report(report)
        return report

    def _check_files(self, target: Target) -> None:
        (check_new_folder if target.is_folder else check_folder)(self.output)
        if same_file(self.output, self.raw):
            raise RawDataError(f"{self.output}: the output would overwrite the input")
        if self.report is None:
            return
        check_folder(self.report)
        for other in (self.raw, self.output):
            if same_file(self.report, other):
                raise RawDataError(f"{self.report}: the report would overwrite {other}")

    def _find_chain(self) -> Chain | None:
        """Find the chain; None where only the server can know the name."""
        try:
            return find_chain(self.pipeline).with_settings(self.settings)
        except PipelineError:
            # A path is meant to be found here; a bare name may be known to the server alone.
            is_name = Path(self.pipeline).name == self.pipeline and not Path(self.pipeline).exists()
            if self.host is None or not is_name:
                raise
        if self.settings:
            raise PipelineError(f"--set needs the chain itself, and {self.pipeline!r} is known to the server only")
        return None

    def _prepared(self, chain: Chain | None, folder: Path) -> tuple[Chain | None, bool]:
        """Give the chain as it is run, and whether its server is asked to send what it finds."""
        if chain is None:
            return None, False
        if self.host is None:
            return self._made_ready(chain, folder), False
        return (with_findings(chain), True) if asks_for_findings(chain) else (chain, False)

    def _made_ready(self, chain: Chain, folder: Path) -> Chain:
        """See that a chain can run on this machine, and have its nodes report into a folder."""
        chain.check_runnable()
        self.on_phase("opening models")
        # Before the nodes start: a missing model is then an error here, and not the end of a node in a scan.
        check_models(chain)
        check_not_added_to(chain, self.output)
        check_reports(chain)
        return with_reports(chain, folder)

    def _stream(self, raw: RawFile, chain: Chain | None, output: ScanOutput, n_expected: int) -> Counts:
        sent, n_items = Counts(), raw.n_acquisitions + raw.n_waveforms

        def count(item: RawItem) -> None:
            sent.add(item)
            self.on_sent(sent.acquisitions + sent.waveforms, n_items)

        self.on_phase("starting nodes" if self.host is None else f"connecting to {self.host}")
        configuration = filename_message(self.pipeline) if chain is None else text_message(MessageID.CONFIG, chain.xml)
        opening = (configuration, text_message(MessageID.HEADER, raw.header_xml))
        with closing(output):
            with self._server() as address, connect(address) as connection:
                ScanClient(connection, opening, raw, count).run(self._receiver(output, n_expected))
            output.finish()
        return sent

    def _receiver(self, output: ScanOutput, n_expected: int) -> Callable[[Message], None]:
        counts = output.counts

        def receive(message: Message) -> None:
            try:
                output.receive(message)
            except (OSError, RuntimeError) as error:
                raise RawDataError(
                    f"{self.output}: cannot be written ({getattr(error, 'strerror', None) or error})"
                ) from error
            self.on_returned(counts.images or counts.acquisitions + counts.waveforms, n_expected)

        return receive

    @contextmanager
    def _server(self) -> Iterator[tuple[str, int]]:
        if self.host is not None:
            yield parse_address(self.host, "--host")
            return
        # The chain is the one that was asked for on this command line.
        with Host(trust=EVERYTHING) as host:
            yield host.address

    def _write_report(self, report: ScanReport) -> None:
        if self.report is not None:
            with whole_or_nothing(self.report) as temporary:
                temporary.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
