"""Heap trimming: memory that a start has freed goes back to the system.

Python compiles modules that have no bytecode beside them, as in images that are made with
``PYTHONDONTWRITEBYTECODE`` or by installers that leave that to the first start. What compiling took
is freed at once, but lies between what stays, where the C library keeps it: some megabytes in each
process, for as long as it runs.
"""

from __future__ import annotations


def trim_heap() -> None:
    """Give back what is free; for the end of a start, as it takes some milliseconds.

    Only glibc can: elsewhere nothing happens.
    """
    try:
        import ctypes

        trim = ctypes.CDLL(None).malloc_trim
    except (ImportError, OSError, AttributeError, MemoryError):  # built without, or not allowed to
        return
    trim(0)
