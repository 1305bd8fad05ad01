"""Encoding and decoding of messages that are to get numbers: one by one, and many in one frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from channels_bridge.groups.grpc import frame_codec, log_codec
from channels_bridge.groups.history.position import Bounds
from channels_bridge.groups.wire.v1 import groups_pb2 as wire


class Target(NamedTuple):
    """Where messages are appended.

    Attributes:
        topic: by its name at the hub.
        bounds: of its log.
        kept: False where they take their place among the others and are not kept.
    """

    topic: str
    bounds: Bounds
    kept: bool

    def on_wire(self) -> wire.Target:
        """Return it as frames have it."""
        history = log_codec.wire_history(self.bounds, kept=self.kept)
        return wire.Target(topic=self.topic, history=history)


@lru_cache(maxsize=4096)
def target(topic: str, messages: int, seconds: float, kept: bool) -> Target:
    """Return a target: the same one each time, as it is asked for with each message."""
    return Target(topic, log_codec.bounds_of(messages, seconds), kept)


def target_on_wire(sent: wire.Target | wire.Publish) -> Target:
    """Return the target that a frame names."""
    history = sent.history
    return target(sent.topic, history.messages, history.seconds, not history.transient)


def encode_append(target: Target, seq: int, payload: bytes) -> bytes:
    """Return a batch of one Publish."""
    # By hand: three objects of protobuf would be made for each message. What is the same for all
    # messages of a topic is encoded once.
    return frame_codec.frame_of(
        wire.Publish,
        _head(target.topic, target.bounds.messages, target.bounds.seconds, target.kept),
        frame_codec.varint(seq),
        _PAYLOAD,
        frame_codec.varint(len(payload)),
        payload,
    )


@lru_cache(maxsize=4096)
def _head(topic: str, messages: int, seconds: float, kept: bool) -> bytes:
    history = log_codec.wire_history(Bounds(messages, seconds), kept=kept)
    return wire.Publish(topic=topic, history=history).SerializeToString() + _SEQ


#: How these fields of a Publish begin.
_SEQ = b"\x08"
_PAYLOAD = b"\x1a"


def encode_appends(seq: int, targets: Sequence[Target], payloads: Sequence[bytes]) -> bytes:
    """Return a batch of one Appends.

    Args:
        seq: the number of the first message; each has the next one.
        targets: where each of them goes, of ``target()``.
        payloads: the messages.
    """
    distinct = {id(target): target for target in targets}
    appends = wire.Appends(seq=seq, payloads=payloads)
    appends.targets.extend(map(Target.on_wire, distinct.values()))
    if len(distinct) > 1:
        places = {key: place for place, key in enumerate(distinct)}
        appends.places.extend([places[id(target)] for target in targets])
    return frame_codec.encode(appends)


def is_sound(appends: wire.Appends) -> bool:
    """Whether it says of all its messages where they go, and numbers them with 64 bits."""
    count, places = len(appends.payloads), appends.places
    return (
        count > 0
        and appends.seq + count <= 2**64
        and len(places) in (0, count)
        and max(places, default=0) < len(appends.targets)
    )


def runs_in(appends: wire.Appends, known: int) -> Iterator[tuple[Target, int, list[bytes]]]:
    """Yield the messages that follow one another to the same log, and the number of the first.

    Args:
        appends: one that is sound.
        known: how many of the messages are left out, from the first on.
    """
    targets = [target_on_wire(target) for target in appends.targets]
    seq, payloads = appends.seq + known, appends.payloads[known:]
    places = appends.places[known:] or [0] * len(payloads)
    for place, run in groupby(zip(places, payloads, strict=True), itemgetter(0)):
        messages = [payload for _, payload in run]
        yield targets[place], seq, messages
        seq += len(messages)
