"""How scans are looked at in tests."""

from __future__ import annotations

import dataclasses

from pipelines.inspection import Inspection

CPU = {"spark_detection.provider": "cpu"}


def ignore(_done, _total):
    """Watch nothing."""


def moved(inspection, **changes):
    """Give an inspection of the same spark elsewhere: at another place, or in other samples and receivers."""
    kspace, spark, pictures = inspection.report.k_spaces[0], inspection.report.sparks[0], inspection.pictures[0]
    elsewhere = spark.model_copy(update=changes)
    kspaces = (kspace.model_copy(update={"indices": elsewhere.indices, "sparks": (elsewhere,)}),)
    report = inspection.report.model_copy(update={"k_spaces": kspaces})
    return Inspection(report, (dataclasses.replace(pictures, indices=elsewhere.indices),))
