"""The names of users, of whom connections have the primary keys: one query for a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

#: Users that are found by a part of their names.
MOST_FOUND = 20


def keys_like(name: str) -> list[str]:
    """Return the keys of the first users whose names have this in them."""
    users: Any = get_user_model()
    found = users._default_manager.filter(**{f"{users.USERNAME_FIELD}__icontains": name})
    return [str(key) for key in found.order_by("pk").values_list("pk", flat=True)[:MOST_FOUND]]


def names_of(keys: Iterable[str]) -> dict[str, str]:
    """Return the names of users by their keys; of those that there are."""
    users: Any = get_user_model()
    possible = {key for key in keys if _can_be(users._meta.pk, key)}
    if not possible:
        return {}
    found = users._default_manager.in_bulk(possible)
    return {str(user.pk): user.get_username() for user in found.values()}


def _can_be(field: Any, key: str) -> bool:
    """Whether it is a key at all: a project's own middleware may have other users than Django's."""
    try:
        field.run_validators(field.to_python(key))
    except ValidationError:
        return False
    return True
