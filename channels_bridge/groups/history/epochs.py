"""Epochs: names for whoever gives numbers, from one start to its end."""

from __future__ import annotations

import secrets
import string

_CHARACTERS = string.digits + string.ascii_lowercase


def new_epoch() -> str:
    """Return a name that no epoch has had: six characters of [0-9a-z]."""
    return "".join(secrets.choice(_CHARACTERS) for _ in range(6))
