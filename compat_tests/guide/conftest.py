"""An engine behind the proxies of the guide."""

from __future__ import annotations

from compat_tests.engine import serve

__all__ = ["serve"]
