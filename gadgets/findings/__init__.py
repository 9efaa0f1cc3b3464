"""Findings: what happened in this scan, in words that people use?

The files, from one spark to a sentence:

============  =========================================
module        what is in it
============  =========================================
``sparks``    what was recorded at one moment
``facts``     what the header says of the scan
``findings``  all that was found in it
``patterns``  what sparks have in common
``pattern``   when that is more than chance
``in_step``   those that come in step with the sequence
``verdict``   what happened, in one sentence
``wording``   how numbers and names are told
============  =========================================
"""

from gadgets.findings.facts import OWN_VENDOR, TICK_S, ScanFacts
from gadgets.findings.findings import Findings
from gadgets.findings.pattern import Extent, Pattern
from gadgets.findings.patterns import patterns_in
from gadgets.findings.sparks import Spark, image_errors, sparks_of, strongest_first
from gadgets.findings.verdict import UNSEEN, is_unseen, verdict_of
from gadgets.findings.wording import (
    by_kind,
    counted,
    kind_of,
    lasting,
    list_of,
    named_receivers,
    place_of,
    ranges_of,
    short_receivers,
    shortened,
)

__all__ = [
    "OWN_VENDOR",
    "TICK_S",
    "UNSEEN",
    "Extent",
    "Findings",
    "Pattern",
    "ScanFacts",
    "Spark",
    "by_kind",
    "counted",
    "image_errors",
    "is_unseen",
    "kind_of",
    "lasting",
    "list_of",
    "named_receivers",
    "patterns_in",
    "place_of",
    "ranges_of",
    "short_receivers",
    "shortened",
    "sparks_of",
    "strongest_first",
    "verdict_of",
]
