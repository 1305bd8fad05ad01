"""Heap trimming."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys
from unittest.mock import Mock

import pytest

from channels_bridge.common.heap_trim import trim_heap

#: Memory that is freed, but lies below what stays: without trimming it is never given back.
PROGRAM = """
import gc, psutil
from channels_bridge.common.heap_trim import trim_heap

memory = psutil.Process().memory_info
blocks = [bytes(1000) for _ in range(30_000)]
last = blocks[-1]
del blocks
gc.collect()
before = memory().rss
trim_heap()
print(before - memory().rss)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives memory back")
def test_freed_memory_is_given_back():
    """What is free between what is not leaves the process."""
    given = int(subprocess.check_output([sys.executable, "-c", PROGRAM], text=True))
    assert given > 20 * 2**20


@pytest.mark.parametrize("lacking", [Mock(side_effect=OSError), Mock(return_value=object())])
def test_other_systems(monkeypatch, lacking):
    """Where that can't be, nothing happens."""
    monkeypatch.setattr(ctypes, "CDLL", lacking)
    trim_heap()
    assert lacking.called


def test_without_ctypes(monkeypatch):
    """Python can be built without ctypes."""
    monkeypatch.setitem(sys.modules, "ctypes", None)
    trim_heap()
