"""Counters of this process: claims by their answer, and messages that were replayed.

A gap has a line in the log as well, at most one in ten seconds for each reason.
"""

from __future__ import annotations

import logging
from collections import Counter

from channels_bridge.common.rate_limited_log import Notices

logger = logging.getLogger("channels_bridge.groups")

#: Reasons that are the client's: it was away for too long, or its word is not good. The others are
#: worth a warning.
_OF_CLIENTS = {"expired", "ticket"}

_notices = Notices(logger)

#: What connections were told at joins and gaps, by ``new``, ``ok``, ``gap:expired`` and the like.
answers: Counter[str] = Counter()

#: Of a single key, ``replayed``: messages that clients got after they had been away.
messages: Counter[str] = Counter()


def note(group: str, answer: str, why: str | None) -> None:
    """Count what the client of a group's member is told.

    Args:
        why: something is missing; None: nothing is.
    """
    answers[answer if why is None else f"{answer}:{why}"] += 1
    if why is not None:
        level = logging.INFO if why in _OF_CLIENTS else logging.WARNING
        _notices.log(level, why, "a client in group %s misses something: %s", group, why)
