"""Phantom: what if there is no scan, or one whose sparks have to be known?

The files, first a scan, then sparks, then what became of them:

=================  =============================================
module             what is in it
=================  =============================================
``head``           an analytic head, and receivers around it
``phantom_scan``   how it is scanned, and the MRD header of that
``phantom_file``   its raw file
``draw_sparks``    where sparks fall, and how strong
``spark_truth``    the list of them
``sparked_file``   a raw file with them in it
``compare_files``  two raw files, before and after a repair
``compare_truth``  which sparks were repaired
``steps``          how far all this is
=================  =============================================
"""

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
