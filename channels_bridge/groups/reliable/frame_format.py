"""The frame format: what the reliable layer puts on the bus, and how it is read.

Each frame begins with ``HEAD``, in network byte order:

====== ===== ===========================================================
bytes  what  meaning
====== ===== ===========================================================
1            version of this format
1            kind
1      tag   the application's own byte; 0 where there is no payload
8            identity of the process that sends the frame
4      chain which of its chains on the topic
8            number in the chain
4      age   milliseconds; of what depends on the kind
====== ===== ===========================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

VERSION = 1
HEAD = Struct(">HB8sIQI")
HEAD_SIZE = HEAD.size
#: Of a request, behind the head: the asker's token.
_ASKED = Struct(">I")
#: Of an answer, behind the head: base, end, lost, length of the topic (see ``Answer``).
_ANSWER = Struct(">QQIH")
#: Of an audit, for each topic: its length, chain, last number, age.
_AUDITED = Struct(">HIQI")


def _kind(number: int) -> int:
    """The first two bytes of a frame: one comparison tells both version and kind."""
    return VERSION << 8 | number


#: A message. The number is its own, the age that of the one before it in the chain.
DATA = _kind(1)
#: On the topic: the last number of the chain, and its age.
MARK = _kind(2)
#: To a sender: what comes after the number? Or, with an age, when joining: what was sent from so
#: long before this number on? A token, which the answers have for an age, and the topic follow.
ASK = _kind(3)
#: To an asker: a message again. The rest of an answer, topic and payload follow.
RESENT = _kind(4)
#: To an asker: there is nothing to send again. The rest of an answer and the topic follow.
NOTHING = _kind(5)
#: To an asker: the chain is forgotten. The topic follows.
FORGOTTEN = _kind(6)
#: To all, or with number 1 to one: was away from the bus, or from the one, for the age; what are
#: the last numbers of what was sent meanwhile?
AWAY = _kind(7)
#: To one that has told all that it was away: what was sent meanwhile is partly forgotten.
TOO_LONG = _kind(8)
#: To all: is there; the number counts these. To one, with ``ANSWERS`` or ``TOO_LONG_AGO`` for an
#: age, in answer to ``AWAY``: the number of the last one.
HERE = _kind(9)
#: To some: the last numbers on topics. They follow. With ``ANSWERS`` for an age: to one that asked.
AUDIT = _kind(10)
#: To all: the bus did not bring this topic; what is its last number? It follows.
UNHEARD = _kind(11)

#: The highest age that is told, in milliseconds: 49 days.
LONGEST = 0xFFFF_FFFE
#: In place of an age: of a request, not joining; of an absence, it is not known since when.
NO_AGE = 0xFFFF_FFFF
#: In place of an age: an answer; and one where what was sent meanwhile is partly forgotten.
ANSWERS, TOO_LONG_AGO = 1, 2
#: In place of a number of lost messages: not known.
UNKNOWN = 0xFFFF_FFFF

LARGEST_TOKEN = 0xFFFF_FFFF


class Unreadable(Exception):
    """A frame that is not of this format, or of another version of it."""


class Request(NamedTuple):
    """What a receiver asks of a sender.

    Attributes:
        topic: the topic.
        chain: the chain.
        number: what comes after this number is asked for; or, where ``reach`` is given, what was
            sent so many milliseconds before this number, or later.
        reach: ``NO_AGE`` when it isn't given.
        token: comes back with the answers. They may come when nobody waits for them any more.
    """

    topic: str
    chain: int
    number: int
    reach: int
    token: int


class Answer(NamedTuple):
    """What a sender answers to a request for a topic.

    Attributes:
        chain: the chain.
        base: what is missing up to this number will not come: it is no longer kept, or was sent
            before the asker joined.
        lost: how many of those were sent since the asker joined; ``UNKNOWN`` when that is not
            known. Only where it joins: else it knows itself what it lacks.
        end: the last number of this answer.
        number: that of the message; 0 when there is none.
        tag, payload: the message.
        token: that of the request.
        topic: the topic.
    """

    chain: int
    token: int
    base: int
    lost: int
    end: int
    number: int
    tag: int
    topic: str
    payload: bytes


class Audited(NamedTuple):
    """The last number on a topic."""

    topic: str
    chain: int
    last: int
    age: int


def head_overhead(topic: str) -> int:
    """Return how many bytes are added to a payload on ``topic`` at most: when it is sent again."""
    return HEAD_SIZE + _ANSWER.size + len(topic.encode())


def milliseconds(seconds: float) -> int:
    """Return an age as it is told: rounded down, and at most ``LONGEST``."""
    return min(max(int(seconds * 1000), 0), LONGEST)


def pack_request(identity: bytes, request: Request) -> bytes:
    """Return the frame of a request."""
    head = HEAD.pack(ASK, 0, identity, request.chain, request.number, request.reach)
    return head + _ASKED.pack(request.token) + request.topic.encode()


def unpack_request(frame: bytes) -> Request:
    """Read the frame of a request. Raises Unreadable."""
    _, _, _, chain, number, reach = HEAD.unpack_from(frame)
    if len(frame) < HEAD_SIZE + _ASKED.size:
        raise Unreadable
    (token,) = _ASKED.unpack_from(frame, HEAD_SIZE)
    topic = read_topic(frame[HEAD_SIZE + _ASKED.size :])
    return Request(topic, chain, number, reach, token)


def pack_answer(identity: bytes, answer: Answer) -> bytes:
    """Return the frame of an answer."""
    topic = answer.topic.encode()
    kind = RESENT if answer.number else NOTHING
    return b"".join(
        (
            HEAD.pack(kind, answer.tag, identity, answer.chain, answer.number, answer.token),
            _ANSWER.pack(answer.base, answer.end, answer.lost, len(topic)),
            topic,
            answer.payload,
        )
    )


def unpack_answer(frame: bytes) -> Answer:
    """Read the frame of an answer. Raises Unreadable."""
    _, tag, _, chain, number, token = HEAD.unpack_from(frame)
    if len(frame) < HEAD_SIZE + _ANSWER.size:
        raise Unreadable
    base, end, lost, length = _ANSWER.unpack_from(frame, HEAD_SIZE)
    start = HEAD_SIZE + _ANSWER.size
    topic = read_topic(frame[start : start + length], length)
    return Answer(chain, token, base, lost, end, number, tag, topic, frame[start + length :])


def pack_audit(identity: bytes, topics: list[Audited], is_answer: bool = False) -> bytes:
    """Return the frame of an audit, or of an answer that has its form."""
    parts = [HEAD.pack(AUDIT, 0, identity, 0, len(topics), ANSWERS if is_answer else 0)]
    for topic, chain, last, age in topics:
        name = topic.encode()
        parts += (_AUDITED.pack(len(name), chain, last, age), name)
    return b"".join(parts)


def unpack_audit(frame: bytes) -> Iterator[Audited]:
    """Read the frame of an audit, as far as it can be read. Raises Unreadable after that."""
    start = HEAD_SIZE
    while start < len(frame):
        if len(frame) < start + _AUDITED.size:
            raise Unreadable
        length, chain, last, age = _AUDITED.unpack_from(frame, start)
        start += _AUDITED.size
        yield Audited(read_topic(frame[start : start + length], length), chain, last, age)
        start += length


def read_topic(encoded: bytes, length: int | None = None) -> str:
    """Return a topic. Raises Unreadable when it isn't UTF-8, or has not the ``length``."""
    if length is not None and len(encoded) != length:
        raise Unreadable
    try:
        return encoded.decode()
    except UnicodeDecodeError as error:
        raise Unreadable from error
