"""The engine's tests serve applications in their own loop."""

from __future__ import annotations

from compat_tests.engine import serve

__all__ = ["serve"]
