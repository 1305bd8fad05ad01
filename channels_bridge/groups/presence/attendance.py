"""Attendance: who is present in each topic, added up from what each process says.

    topic -> key -> the owners, processes, that have a connection of it

Rules of this file:

- A key is listed while an owner has it, and for its topic's ``linger`` afterwards. Who comes back
  in that time was never away: reconnecting clients, and those who move to another process.
- Who comes and who goes is told to those who watch a topic, together, once per ``INTERVAL``. With
  more keys than the topic's ``limit`` only their number is told: a crowd that comes at once would
  otherwise be told to each of its members.
- To the topic's queue it is told one by one, as it happens, each once.
- There are at most ``max_keys``, of all topics together: whoever comes then is not listed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Hashable
from heapq import heappop, heappush
from typing import Any, Generic, NamedTuple, TypeVar

from channels_bridge.groups.presence.roll import Here, RollChange, Terms
from channels_bridge.groups.presence.topic_roll import Listed, TopicRoll

#: How many keys are listed at most. Each takes about 0.4 KB.
MAX_KEYS = 250_000

Owner = TypeVar("Owner", bound=Hashable)


class News(NamedTuple):
    """Somebody has come to a topic, or has gone."""

    topic: str
    key: str
    info: bytes
    has_come: bool
    terms: Terms

    def event(self) -> dict[str, Any]:
        """Return what a consumer is told of it."""
        return {
            "type": "presence.join" if self.has_come else "presence.left",
            "group": self.topic.rpartition("/")[2].partition(":")[2],  # without a layer's prefix
            "key": self.key,
            "info": _read(self.info),
        }


class Telling(NamedTuple):
    """A change of a topic, and the owners who are to be told."""

    topic: str
    change: RollChange
    watchers: Collection[Any]  # Python 3.10 has no NamedTuple that is generic


class Attendance(Generic[Owner]):
    """Who is present in all topics.

    Args:
        on_news: called when somebody has come or gone, in topics that have a queue.
        max_keys: how many keys are listed at most.

    Attributes:
        keys: how many are listed.
    """

    def __init__(self, on_news: Callable[[News], None], *, max_keys: int = MAX_KEYS) -> None:
        self.keys = 0
        self._on_news = on_news
        self._max_keys = max_keys
        self._topics: dict[str, TopicRoll[Owner]] = {}
        self._owned: dict[Owner, dict[str, set[str]]] = {}  # owner -> topic -> keys
        self._watched: dict[Owner, set[str]] = {}  # owner -> topics
        self._departures: list[tuple[float, str, str]] = []  # a heap; each key once
        self._changed: dict[str, None] = {}  # topics that have something to tell

    @property
    def is_idle(self) -> bool:
        """Whether time brings nothing."""
        return not (self._departures or self._changed)

    # What owners say.

    def enter(
        self,
        owner: Owner,
        topic: str,
        key: str,
        info: bytes,
        terms: Terms,
        now: float,
        *,
        is_known: bool = False,
    ) -> bool:
        """An owner has a connection of ``key``, or its info has changed.

        Args:
            is_known: whether its coming is no news.

        Returns:
            False when there is no room for another key.
        """
        listed = self._list(topic, key, info, terms, now, is_news=not is_known)
        if listed is None:
            return False
        if owner not in listed.owners or listed.info != info:
            listed.info = info
            listed.owners[owner] = None
            self._owned.setdefault(owner, {}).setdefault(topic, set()).add(key)
            self._mark(topic, key)
        return True

    def expect(self, topic: str, key: str, info: bytes, terms: Terms, now: float) -> None:
        """List a key that was listed elsewhere: it has ``linger`` to come."""
        listed = self._list(topic, key, info, terms, now, is_news=False)
        if listed is not None and not listed.owners and not listed.is_scheduled:
            self._depart(topic, key, listed, now)

    def leave(self, owner: Owner, topic: str, key: str, now: float) -> None:
        """An owner has no connection of ``key`` any more; nothing happens when it had none."""
        topics = self._owned.get(owner, {})
        keys = topics.get(topic)
        if keys is None or key not in keys:
            return
        keys.discard(key)
        if not keys:
            del topics[topic]
        if not topics:
            del self._owned[owner]
        listed = self._topics[topic].keys[key]
        del listed.owners[owner]
        self._mark(topic, key)
        if not listed.owners:
            self._depart(topic, key, listed, now)

    def keep_only(self, owner: Owner, kept: Collection[tuple[str, str]], now: float) -> None:
        """An owner has no connections but these, by topic and key."""
        for topic, keys in list(self._owned.get(owner, {}).items()):
            for key in list(keys):
                if (topic, key) not in kept:
                    self.leave(owner, topic, key, now)

    def forget(self, owner: Owner, now: float) -> None:
        """An owner has ended."""
        self.keep_only(owner, (), now)
        for topic in self.watched_by(owner):
            self.unwatch(owner, topic)

    # What watchers ask.

    def watch(self, owner: Owner, topic: str, now: float) -> RollChange:
        """Have an owner told of changes. Returns what they follow: all who are present."""
        if topic not in self._topics:
            # Whoever comes says what holds there.
            self._topics[topic] = TopicRoll(Terms(linger=0, limit=0))
        self._watched.setdefault(owner, set()).add(topic)
        return self._topics[topic].watch(owner, now)

    def watched_by(self, owner: Owner) -> Collection[str]:
        """The topics that an owner watches."""
        return tuple(self._watched.get(owner, ()))

    def unwatch(self, owner: Owner, topic: str) -> None:
        """Tell an owner nothing more."""
        topics = self._watched.get(owner, set())
        if topic not in topics:
            return
        topics.discard(topic)
        if not topics:
            del self._watched[owner]
        roll = self._topics[topic]
        roll.unwatch(owner)
        if not roll.watchers:
            self._changed.pop(topic, None)
            self._forget_if_empty(topic)

    def roll(self, topic: str, now: float) -> dict[str, Here]:
        """All who are present, however many."""
        return self._topics[topic].all_here(now) if topic in self._topics else {}

    def count(self, topic: str) -> int:
        """How many are present."""
        return len(self._topics[topic].keys) if topic in self._topics else 0

    def pass_time(self, now: float) -> list[Telling]:
        """Let go who has lingered long enough. Returns what is to be told now."""
        while self._departures and self._departures[0][0] <= now:
            _, topic, key = heappop(self._departures)
            self._let_go(topic, key, now)
        tellings = []
        for topic in [topic for topic in self._changed if self._topics[topic].due_at <= now]:
            del self._changed[topic]
            roll = self._topics[topic]
            change = roll.take_change(now)
            if change is not None:
                tellings.append(Telling(topic, change, tuple(roll.watchers)))
        return tellings

    # Helpers.

    def _list(
        self, topic: str, key: str, info: bytes, terms: Terms, now: float, *, is_news: bool
    ) -> Listed[Owner] | None:
        """Return a key's record; a new one where there is none, and room."""
        roll = self._topics.get(topic)
        if roll is not None and key in roll.keys:
            roll.terms = terms
            return roll.keys[key]
        if self.keys >= self._max_keys:
            return None
        if roll is None:
            roll = self._topics[topic] = TopicRoll(terms)
        roll.terms = terms
        listed = roll.keys[key] = Listed(info, since=now)
        self.keys += 1
        self._mark(topic, key)
        if is_news and terms.queue:
            self._on_news(News(topic, key, info, True, terms))
        return listed

    def _depart(self, topic: str, key: str, listed: Listed[Owner], now: float) -> None:
        """Begin to linger."""
        listed.leaves_at = now + self._topics[topic].terms.linger
        if not listed.is_scheduled:
            self._schedule(topic, key, listed)

    def _schedule(self, topic: str, key: str, listed: Listed[Owner]) -> None:
        listed.is_scheduled = True
        heappush(self._departures, (listed.leaves_at, topic, key))

    def _let_go(self, topic: str, key: str, now: float) -> None:
        roll = self._topics[topic]
        listed = roll.keys[key]
        listed.is_scheduled = False
        if listed.owners:
            return
        if listed.leaves_at > now:  # it has come and gone again meanwhile
            self._schedule(topic, key, listed)
            return
        del roll.keys[key]
        self.keys -= 1
        self._mark(topic, key)
        if roll.terms.queue:
            self._on_news(News(topic, key, listed.info, False, roll.terms))
        self._forget_if_empty(topic)

    def _mark(self, topic: str, key: str) -> None:
        if self._topics[topic].mark(key):
            self._changed[topic] = None

    def _forget_if_empty(self, topic: str) -> None:
        roll = self._topics[topic]
        if not roll.keys and not roll.watchers:
            del self._topics[topic]


def _read(info: bytes) -> Any:
    """Return an info; None where a process has said what is none."""
    try:
        return json.loads(info) if info else None
    except ValueError:
        return None
