"""Findings: what happened in this scan, in words that people use?"""

from gadgets.findings.facts import SIEMENS_TICK_S, ScanFacts, by_kind, counted, kind_of, list_of, named_receivers
from gadgets.findings.findings import Findings
from gadgets.findings.pattern import Pattern, patterns_in
from gadgets.findings.sparks import Spark, image_errors, sparks_of, strongest_first
from gadgets.findings.verdict import verdict_of

__all__ = [
    "SIEMENS_TICK_S",
    "Findings",
    "Pattern",
    "ScanFacts",
    "Spark",
    "by_kind",
    "counted",
    "image_errors",
    "kind_of",
    "list_of",
    "named_receivers",
    "patterns_in",
    "sparks_of",
    "strongest_first",
    "verdict_of",
]
