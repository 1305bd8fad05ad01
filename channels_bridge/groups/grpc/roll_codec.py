"""Rolls as frames: a change of who is present, in parts where it is long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from channels_bridge.groups.presence.roll import Here, RollChange, Terms
from channels_bridge.groups.wire.v1 import groups_pb2 as wire

#: What a hub says in Welcome that knows who is present.
FEATURE = "presence"

#: Who said more would fill the hub with those who have gone, in seconds.
MAX_LINGER = 86_400.0

#: About how many bytes of keys a frame has: others wait behind it.
MAX_PART = 1024 * 1024


def split(topic: str, change: RollChange, once: int = 0) -> Iterator[wire.Roll]:
    """Yield the frames that say a change."""
    roll = _begin(topic, change, once)
    roll.gone.extend(change.gone)
    size = sum(map(len, change.gone))
    for key, here in change.came.items():
        if size > MAX_PART:
            roll.more = True
            yield roll
            roll, size = _begin(topic, change, once), 0
        roll.came.append(
            wire.RollKey(key=key, info=here.info, since=here.since, connections=here.connections)
        )
        size += len(key) + len(here.info) + 16
    yield roll


def join(parts: list[wire.Roll]) -> RollChange:
    """Return the change that these frames say."""
    last = parts[-1]
    came = {key.key: _here(key) for part in parts for key in part.came}
    gone = [key for part in parts for key in part.gone]
    return RollChange(last.version, last.whole, came, gone, last.count)


def terms_in(present: wire.Present) -> Terms:
    """Return what holds where somebody is present, whatever a process says."""
    linger = min(max(0.0, present.linger), MAX_LINGER)  # 0 also for what is no number
    return Terms(linger, present.limit, present.queue, present.capacity, present.expiry)


def wire_present(topic: str, key: str, info: bytes, terms: Terms, prefix: str) -> wire.Present:
    """Return a frame that says that somebody is present."""
    return wire.Present(
        topic=prefix + topic,
        key=key,
        info=info,
        linger=terms.linger,
        limit=terms.limit,
        queue=prefix + terms.queue if terms.queue else "",
        capacity=terms.capacity,
        expiry=terms.expiry,
    )


def whole(here: Mapping[str, Here]) -> RollChange:
    """Return all who are present as a change, however many."""
    return RollChange(0, True, here, (), len(here))


def _begin(topic: str, change: RollChange, once: int) -> wire.Roll:
    return wire.Roll(
        topic=topic,
        version=change.version,
        whole=change.is_whole,
        count=change.count,
        once=once,
    )


def _here(key: wire.RollKey) -> Here:
    return Here(key.info, key.since, key.connections)
