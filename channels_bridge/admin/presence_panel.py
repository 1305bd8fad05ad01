"""The presence of a group, as its page shows it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from channels import DEFAULT_CHANNEL_LAYER
from django.core.exceptions import ImproperlyConfigured

from channels_bridge.exceptions import BridgeError
from channels_bridge.presence import Present, count, members

#: Who is shown one by one; of more only the number.
MOST_SHOWN = 200


@dataclass(frozen=True)
class PresencePanel:
    """What is known of who is there.

    Attributes:
        count: how many; None where nobody counts them.
        people: who, each with its info as text; empty where there are too many.
        why_unknown: why nobody counts them.
    """

    count: int | None = None
    people: Sequence[Present] = ()
    why_unknown: str = ""


def look(label: str) -> PresencePanel:
    """Ask who is in a group, in all processes.

    Args:
        label: the group, as reports call it.
    """
    alias, _, group = label.rpartition("/")
    alias = alias or DEFAULT_CHANNEL_LAYER
    try:
        number = count(group, alias=alias)
        people = members(group, alias=alias) if number <= MOST_SHOWN else []
        shown = [replace(person, info=_text_of(person.info)) for person in people]
    except (BridgeError, ImproperlyConfigured, TypeError, ValueError) as error:
        return PresencePanel(why_unknown=str(error))
    return PresencePanel(number, shown)


def _text_of(info: Any) -> str:
    return "" if info is None else json.dumps(info, ensure_ascii=False)
