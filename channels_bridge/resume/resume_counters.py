"""Counters of this process: claims by their answer, and messages that were replayed."""

from __future__ import annotations

from collections import Counter

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
