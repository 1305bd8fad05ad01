"""Whatever somebody calls a group: it never becomes NATS' own syntax, nor another group's name."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels_bridge.groups.nats.subjects import Subjects, acknowledgements_of, name_of, token

TOKEN = re.compile(r"[A-Za-z0-9_/=-]+", re.ASCII)
IDENTITY = bytes(range(8))
ODD = ["", ".", "..", ".a", "a.", "a..b", "*", ">", "a.*", "a.>", " ", "a b", "\r\n", "\t", "\0"]
ODD += [
    "PUB x 0\r\n",
    "$SYS.>",
    "=",
    "==",
    "=2e=",
    "/",
    "a/b",
    "\x7f",
    "ä",
    "\u2028",
    "🙂",
    "\ud800",
]


@pytest.fixture
def subjects() -> Subjects:
    return Subjects("mysite", IDENTITY)


@pytest.mark.parametrize("name", ODD)
def test_odd_names(subjects, name):
    """An odd name is one token without wildcards, spaces and line ends, and can be read again."""
    assert TOKEN.fullmatch(token(name))
    assert name_of(token(name)) == name
    assert subjects.topic(f"g:{name}").count(".") == 2


def test_every_character():
    """No character of Latin-1 gets through that NATS gives a meaning."""
    for code in range(256):
        assert TOKEN.fullmatch(token(f"a{chr(code)}b"))


def test_odd_names_stay_apart():
    """No two names share a subject."""
    names = {*ODD, *(chr(code) for code in range(256)), *(f"={code:x}=" for code in range(256))}
    assert len({token(name) for name in names}) == len(names)


@given(st.text(max_size=50), st.text(max_size=50))
@example(".", "/")
@example("", "=")
def test_any_names(one, two):
    """Two names share a subject only if they are the same."""
    assert name_of(token(one)) == one
    assert (token(one) == token(two)) == (one == two)


def test_usual_names_can_be_read(subjects):
    """Who looks at the subjects at a node finds the names of groups in them."""
    assert subjects.topic("g:chat_room-1") == "mysite.g.chat_room-1"
    assert subjects.topic("g:chat.room.1") == "mysite.g.chat/room/1"


def test_topics(subjects):
    """Each kind of topic has a place of its own below the prefix."""
    assert subjects.topic("p:00ff") == "mysite.p.00ff"
    assert subjects.topic("q:websockets.close") == "mysite.q.websockets/close"
    assert subjects.topic("flush:") == "mysite.flush"
    assert subjects.topic(acknowledgements_of(IDENTITY)) == "mysite.a.0001020304050607"
    assert subjects.own_control == subjects.control_of(IDENTITY) == "mysite.c.0001020304050607"
    assert subjects.reply_prefix == "mysite.i.0001020304050607"
    assert subjects.queue("images.small", 100) == "mysite.w.100.images/small"


@pytest.mark.parametrize("topic", ["", "g", "x:room", "*:room", "g.>:room", ":room", "flush:x"])
def test_what_is_no_topic(subjects, topic):
    """A topic that nobody knows is refused."""
    with pytest.raises(ValueError, match="is no topic"):
        subjects.topic(topic)


def test_long_names(subjects):
    """A name is refused that makes a longer line than a node takes; one of the layer's never is."""
    subjects.topic("g:" + 99 * "🙂")
    with pytest.raises(ValueError, match="choose one of at most 800"):
        subjects.topic("g:" + 801 * "a")


@pytest.mark.parametrize("prefix", ["", "a.b", "*", ">", "a b", "a\n", "$SYS", "ä", 101 * "a"])
def test_bad_prefixes(prefix):
    """A prefix is one token that nobody takes for something else."""
    with pytest.raises(ValueError, match="letters, digits, hyphens"):
        Subjects(prefix, IDENTITY)
