"""Messages from views, tasks and commands."""

from __future__ import annotations
