"""Helpers for middlewares and consumers."""

from __future__ import annotations

from channels.db import database_sync_to_async as database_sync_to_async
