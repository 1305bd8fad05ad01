"""The engine's tests serve applications in their own loop."""

from ..engine import serve

__all__ = ["serve"]
