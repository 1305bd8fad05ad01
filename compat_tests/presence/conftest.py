"""Consumers on the engine in the test's own loop."""

from __future__ import annotations

from compat_tests.engine import serve
from compat_tests.resume.conftest import worker

__all__ = ["serve", "worker"]
