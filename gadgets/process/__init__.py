"""Process: what does a process keep from scan to scan, and what does it not exceed?"""

from gadgets.process.core_sharing import cores, in_parallel, meanwhile, threads
from gadgets.process.deadline import TimeIsUp, check_time, is_late, time_limit
from gadgets.process.limits import keep_freed_memory, keep_one_blas_thread, one_blas_thread
from gadgets.process.warm_store import WarmStore, using, warm_store

__all__ = [
    "TimeIsUp",
    "WarmStore",
    "check_time",
    "cores",
    "in_parallel",
    "is_late",
    "keep_freed_memory",
    "keep_one_blas_thread",
    "meanwhile",
    "one_blas_thread",
    "threads",
    "time_limit",
    "using",
    "warm_store",
]
