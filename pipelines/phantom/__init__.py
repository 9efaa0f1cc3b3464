"""Phantom: what if there is no scan, or one whose sparks have to be known?"""

from pipelines.phantom.compare_files import compare_files
from pipelines.phantom.compare_truth import Comparison, RepairedPlace, compare, peak_of
from pipelines.phantom.draw_sparks import SparkPlan
from pipelines.phantom.phantom_file import write_phantom
from pipelines.phantom.phantom_scan import PhantomScan
from pipelines.phantom.spark_truth import SimulatedSpark, Truth
from pipelines.phantom.sparked_file import simulate_file

__all__ = [
    "Comparison",
    "PhantomScan",
    "RepairedPlace",
    "SimulatedSpark",
    "SparkPlan",
    "Truth",
    "compare",
    "compare_files",
    "peak_of",
    "simulate_file",
    "write_phantom",
]
