"""Helpers for middlewares and consumers."""

from __future__ import annotations

from channels.db import database_sync_to_async

__all__ = ["database_sync_to_async"]
