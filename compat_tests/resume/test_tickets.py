"""Tickets and tokens: only what the server gave, to whom it gave it, for as long as it is good."""

from __future__ import annotations

import pytest

from channels_bridge.groups.history.position import Claim, Position, Why
from channels_bridge.resume import tickets
from channels_bridge.resume.tags import tag_of, tags_of
from channels_bridge.resume.tickets import issue, make_token, name_digest, names_in, verify

HERE = Position("q1w2e3", 17)


def with_position(text, *, epoch=None, offset=None, frames=None):
    """The same ticket for another position."""
    tag, old_epoch, old_offset, ticket = text.split(".")
    parts = [tag, epoch or old_epoch, str(old_offset if offset is None else offset)]
    return ".".join([*parts, *([] if frames is None else [str(frames)]), ticket])


def test_ticket_is_good_for_its_position_and_later_ones():
    """The server believes what it has given, and that the client has got on since."""
    text = issue("chat.5", 7, HERE)
    assert text.startswith(f"{tag_of('chat.5')}.q1w2e3.17.")
    assert len(text) == 8 + 1 + 6 + 1 + 2 + 1 + 28
    assert verify(text, "chat.5", 7) == Claim(HERE, 0)
    later = with_position(text, offset=40, frames=2)
    assert verify(later, "chat.5", 7) == Claim(Position("q1w2e3", 40), 2)


def test_ticket_is_not_good_for_earlier_positions():
    """Who is let in today does not read what was said before."""
    text = issue("chat.5", 7, HERE)
    assert verify(with_position(text, offset=16), "chat.5", 7) is Why.TICKET
    assert verify(with_position(text, offset=0), "chat.5", 7) is Why.TICKET
    assert verify(with_position(text, epoch="q1w2e4"), "chat.5", 7) is Why.TICKET


@pytest.mark.parametrize("other", [8, None, "7 ", ""])
def test_ticket_is_not_good_for_others(other):
    """A ticket that was seen in somebody's log is worth nothing to another user."""
    assert verify(issue("chat.5", 7, HERE), "chat.5", other) is Why.TICKET


def test_ticket_of_nobody_in_particular():
    """Who logs in goes on where they were; the other way round it is another user's."""
    assert verify(issue("chat.5", None, HERE), "chat.5", None) == Claim(HERE, 0)
    assert verify(issue("chat.5", None, HERE), "chat.5", 7) == Claim(HERE, 0)
    assert verify(issue("chat.5", 7, HERE), "chat.5", None) is Why.TICKET


def test_ticket_is_of_one_group():
    """Another group has another tag; with that tag, the ticket is not good."""
    text = issue("chat.5", 7, HERE)
    assert verify(text, "chat.6", 7) is None
    moved = text.replace(tag_of("chat.5"), tag_of("chat.6"))
    assert verify(moved, "chat.6", 7) is Why.TICKET


def test_each_character_counts():
    """No ticket that differs in any character is good."""
    text = issue("chat.5", 7, HERE)
    start = text.rindex(".") + 1
    for at in range(start, len(text)):
        for other in "A-":
            garbled = text[:at] + other + text[at + 1 :]
            if garbled != text:
                assert verify(garbled, "chat.5", 7) is Why.TICKET


@pytest.mark.parametrize("ticket", ["", "x", "k" * 28, "k" * 64, "k" * 65, "é", "a.b", "=" * 28])
def test_garbled_tickets(ticket):
    """Whatever stands there is no error, and not believed."""
    head, _, _ = issue("chat.5", 7, HERE).rpartition(".")
    assert verify(f"{head}.{ticket}", "chat.5", 7) is Why.TICKET


@pytest.mark.parametrize("text", ["", ".", "~", "chat.5", "x" * 10_000])
def test_what_is_no_position(text):
    """It is of no group."""
    assert verify(text, "chat.5", 7) is None


def test_tickets_expire(monkeypatch):
    """They are good for two days, by the clock."""
    text = issue("chat.5", 7, HERE)
    now = tickets.time.time()
    monkeypatch.setattr(tickets.time, "time", lambda: now + tickets.LIFE - 1)
    assert verify(text, "chat.5", 7) == Claim(HERE, 0)
    monkeypatch.setattr(tickets.time, "time", lambda: now + tickets.LIFE + tickets.HOUR)
    assert verify(text, "chat.5", 7) is Why.TICKET


def test_another_secret_key(settings):
    """A new key ends all tickets, unless the old one is among the fallbacks."""
    text, old = issue("chat.5", 7, HERE), settings.SECRET_KEY
    token = make_token("user:7", [name_digest("specific.a!b")])
    settings.SECRET_KEY = "another"
    assert verify(text, "chat.5", 7) is None
    assert names_in(token, "user:7") == ()
    settings.SECRET_KEY_FALLBACKS = [old]
    assert verify(text, "chat.5", 7) == Claim(HERE, 0)
    assert names_in(token, "user:7") == (name_digest("specific.a!b"),)
    assert text[:8] == tags_of("chat.5")[1] != tag_of("chat.5")


def test_offsets_beyond_what_a_ticket_holds():
    """They are as good as the largest one that it holds."""
    far = Position("q", 10**15 - 1)
    assert verify(issue("chat.5", 7, far), "chat.5", 7) == Claim(far, 0)


def test_tokens_keep_the_latest_names():
    """Of many reconnects the last few names are kept, for the same user only."""
    names = [name_digest(f"specific.a!{number}") for number in range(9)]
    token = make_token("user:7", names)
    assert len(token) <= 64
    assert names_in(token, "user:7") == tuple(names[-tickets.NAMES :])
    assert names_in(token, "user:8") == ()


@pytest.mark.parametrize("token", [None, "", "x", "A" * 22, "A" * 30, "A" * 64, "é"])
def test_garbled_tokens(token):
    """They have no names."""
    assert names_in(token, "user:7") == ()


class Lazy:
    """A user that nobody may ask for on the event loop."""

    @property
    def is_authenticated(self):
        raise RuntimeError("not here")


class User:
    is_authenticated, pk = True, 7


class Anonymous:
    is_authenticated, pk = False, None


@pytest.mark.parametrize(
    ("scope", "identity"),
    [
        ({"user": User()}, "user:7"),
        ({"user": Anonymous()}, ""),
        ({}, ""),
        ({"user": None}, ""),
        ({"user": Lazy()}, ""),
    ],
)
def test_who_it_is(scope, identity):
    """The user of the scope, or nobody; never an error."""
    assert tickets.identity_in(scope) == identity
