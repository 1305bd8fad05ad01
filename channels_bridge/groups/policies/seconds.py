"""Numbers of seconds, as options of layers and of their groups have them."""

from __future__ import annotations

from math import inf

from django.core.exceptions import ImproperlyConfigured


def require_seconds(key: str, value: object, *, is_finite: bool = False) -> float:
    """Return an option that is a number of seconds above 0.

    Raises:
        ImproperlyConfigured: it isn't.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not value > 0
        or (is_finite and value == inf)
    ):
        raise ImproperlyConfigured(
            f"CONFIG key {key!r} must be a number of seconds above 0, not {value!r}"
        )
    return float(value)
