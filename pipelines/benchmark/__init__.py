"""How well are sparks found and repaired? despark and its rivals on any raw files, by one definition.

======================  =============================================================================
module                  what it holds
======================  =============================================================================
``readouts``            the stack of acquired readouts ``(coil, line, sample)``, its noise and radii
``sparks``              KSpace -> KSpace with sparks of known place and strength
``rivals``              KSpace -> repaired samples ``(coil, kz, ky, kx)``, one function per rival
``rivals_in_time``      the same for a scan: rivals that remember earlier k-spaces
``score``               what was found, what harm was done, how much error is left
``despark``             despark itself among the rivals, and with known points
``variants``            settings of despark as they are typed, and despark under other ones, from ``--variant``
``chosen``              the rivals and variants that somebody has named, opened
``series``              a k-space acquired again and again, as it would be
``run``                 one file, all rivals, seeded runs
``totals``              counts over files, with their intervals
``results``             the result for programs, written and read again
``tables``              the result for people
``plot``                the same as a picture
======================  =============================================================================
"""

from pipelines.benchmark.chosen import DESPARK, open_rivals
from pipelines.benchmark.despark import open_despark
from pipelines.benchmark.plot import save_plot
from pipelines.benchmark.readouts import noise_sigma, radii, ripple_unit
from pipelines.benchmark.results import read_joined, read_results, results_text
from pipelines.benchmark.rivals import RIVALS, AnyRival, InformedRival, Rival, ScanRival
from pipelines.benchmark.run import Draws, score_file
from pipelines.benchmark.score import Grouping, ScoredEvent
from pipelines.benchmark.series import SERIES_KINDS
from pipelines.benchmark.sparks import (
    INNER_RADIUS,
    MAX_EVENTS,
    MAX_RNR,
    MIN_RNR,
    OUTER_RADIUS,
    draw_burst,
    draw_gains,
    draw_place,
)
from pipelines.benchmark.tables import file_table, percentage, total_table
from pipelines.benchmark.totals import FileScore, Proportion, Total, by_group, found_of, total
from pipelines.benchmark.variants import FORM, Properties, read_properties, read_setting, read_variants

__all__ = [
    "DESPARK",
    "FORM",
    "INNER_RADIUS",
    "MAX_EVENTS",
    "MAX_RNR",
    "MIN_RNR",
    "OUTER_RADIUS",
    "RIVALS",
    "SERIES_KINDS",
    "AnyRival",
    "Draws",
    "FileScore",
    "Grouping",
    "InformedRival",
    "Properties",
    "Proportion",
    "Rival",
    "ScanRival",
    "ScoredEvent",
    "Total",
    "by_group",
    "draw_burst",
    "draw_gains",
    "draw_place",
    "file_table",
    "found_of",
    "noise_sigma",
    "open_despark",
    "open_rivals",
    "percentage",
    "radii",
    "read_joined",
    "read_properties",
    "read_results",
    "read_setting",
    "read_variants",
    "results_text",
    "ripple_unit",
    "save_plot",
    "score_file",
    "total",
    "total_table",
]
