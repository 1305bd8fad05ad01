"""Mutations: each rule of history is needed, as without it a world shows what goes wrong.

The four rules are those that the first version of the algorithm lacked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from channels_bridge.groups.history import chronicle
from channels_bridge.groups.history.chronicle import Chronicle
from channels_bridge.groups.history.cursor import Cursor
from channels_bridge.groups.history.feed import Feed
from channels_bridge.groups.history.log import Log
from channels_bridge.groups.history.member_listener import LogEvent
from channels_bridge.groups.history.position import Entry, Position, Why
from channels_bridge.groups.history.replica import Replica
from channels_bridge.groups.history.sender_marks import SenderMarks
from compat_tests.groups.history.test_history_worlds import live_in

#: How many worlds of each kind may be needed to show it.
PATIENCE = 60

Patch = pytest.MonkeyPatch


def without_epochs(patch: Patch) -> None:
    """A number says where a client was, whoever has given it."""
    patch.setattr(Log, "holds", lambda log, position: 0 <= position.offset <= log.head)
    patch.setattr(Log, "has_numbered", lambda log, position: 0 < position.offset <= log.head)


def without_asking_again(patch: Patch) -> None:
    """Rule 1: who is ahead of a worker has met a faster one, and nothing is missing."""
    patch.setattr(Replica, "can_answer", lambda replica, claim: True)


def with_epochs_of_no_entry(patch: Patch) -> None:
    """Rule 2: the epoch told is that of the run that holds the entry."""
    restore = Chronicle.restore

    def restore_and_begin(self: Chronicle, *args: Any) -> None:
        restore(self, *args)
        for log in self._shelf.logs.values():
            log._starts.append((self.epoch, log.head + 1))

    def position_at(log: Log, offset: int) -> Position:
        return next(
            Position(epoch, offset) for epoch, first in reversed(log._starts) if first - 1 <= offset
        )

    patch.setattr(Chronicle, "restore", restore_and_begin)
    patch.setattr(Log, "position_at", position_at)


def with_frames_of_another_message(patch: Patch) -> None:
    """Rule 3: a message of which a client has frames is known by epoch and number."""
    replay = Cursor._replay

    def replay_rest(cursor: Cursor, entry: Entry) -> Any:
        partial = cursor._partial
        event = replay(cursor, entry)
        if isinstance(event, LogEvent) and partial is not None:
            event.frames = partial[1]
        return event

    patch.setattr(Replica, "why_not", lambda self, claim: self.log.why_not(claim.position))
    patch.setattr(Cursor, "_why_not", lambda self, place, log: log.why_not(place))
    patch.setattr(Cursor, "_replay", replay_rest)


def with_inboxes_cleared(patch: Patch) -> None:
    """Rule 4: telling that something is missing leaves alone what waits already."""
    lose = Cursor._lose

    def clear_and_lose(cursor: Cursor, why: Why, offset: int) -> None:
        inbox: Any = cursor.feed.inbox
        inbox.inbox.clear()
        lose(cursor, why, offset)

    patch.setattr(Cursor, "_lose", clear_and_lose)


def without_floor(patch: Patch) -> None:
    """What isn't kept can't be served."""
    patch.setattr(Log, "why_not", lambda log, place: None if log.holds(place) else Why.UNKNOWN)


def without_order(patch: Patch) -> None:
    """What members of several groups take is in the order of all groups."""
    patch.setattr(Cursor, "next_order", lambda cursor: 0)


def with_excerpts_live(patch: Patch) -> None:
    """What an excerpt brings waits for the excerpts of the other groups."""

    def go_on(self: Any, log: Log, excerpt: Any, now: float) -> None:
        for entry in excerpt.entries:
            self.take_entry(entry, now)

    patch.setattr(Replica, "_go_on", go_on)


def without_waking(patch: Patch) -> None:
    """A consumer that waits for its inbox is told when there is something in its feed."""
    make = Feed.__init__

    def make_without(feed: Feed, *args: Any, wake: Callable[[], None], **options: Any) -> None:
        make(feed, *args, **options)

    patch.setattr(Feed, "__init__", make_without)


def live_too_early(patch: Patch) -> None:
    """Who is behind isn't given what comes before having taken what is due."""
    patch.setattr(Feed, "is_behind", property(lambda feed: False, lambda feed, value: None))


def without_marks(patch: Patch) -> None:
    """What a sender repeats is numbered once."""
    patch.setattr(SenderMarks, "advance", lambda marks, sender, seq: True)


def with_epochs_used_again(patch: Patch) -> None:
    """A log that was forgotten, and begins at 1 again, isn't where it was before."""

    def forget(self: Chronicle, topic: str) -> None:
        self._shelf.remove(topic)
        self._used.pop(topic, None)
        self._note(chronicle.LogForgotten(topic))

    patch.setattr(Chronicle, "_forget", forget)


MUTATIONS = [
    without_epochs,
    without_asking_again,
    with_epochs_of_no_entry,
    with_frames_of_another_message,
    with_inboxes_cleared,
    without_floor,
    without_order,
    with_excerpts_live,
    without_waking,
    live_too_early,
    without_marks,
    with_epochs_used_again,
]


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_mutation(mutate: Callable[[Patch], None], monkeypatch: Patch) -> None:
    """Without this rule a world goes wrong."""
    mutate(monkeypatch)
    with pytest.raises(AssertionError, match="World") as caught:
        for seed in range(PATIENCE):
            for is_bounded in (False, True):
                for is_lossy in (False, True):
                    live_in(seed, is_bounded=is_bounded, is_lossy=is_lossy)
    assert isinstance(caught.value.__cause__, AssertionError)  # and not an error of the mutation
