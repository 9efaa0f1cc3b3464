"""Phantom: what if there is no scan, or one whose sparks have to be known?"""

from pipelines.phantom.compare_truth import Comparison, RepairedPlace, added_at_peak, compare, peak_of, strongest
from pipelines.phantom.draw_sparks import SparkPlan, draw_in_kspace
from pipelines.phantom.phantom_scan import PhantomScan, write_phantom
from pipelines.phantom.spark_truth import SimulatedKSpace, SimulatedSpark, Truth

__all__ = [
    "Comparison",
    "PhantomScan",
    "RepairedPlace",
    "SimulatedKSpace",
    "SimulatedSpark",
    "SparkPlan",
    "Truth",
    "added_at_peak",
    "compare",
    "draw_in_kspace",
    "peak_of",
    "strongest",
    "write_phantom",
]
