"""What CONFIG says of history: how it is read, and what is said of mistakes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from channels_bridge.groups.history.position import Bounds
from channels_bridge.layers import GrpcChannelLayer, LocalChannelLayer, NatsChannelLayer


def test_defaults() -> None:
    """Nothing is kept unless CONFIG says so; then 100 messages for five minutes."""
    assert LocalChannelLayer().config.history_policy("chat.a") is None
    assert not LocalChannelLayer().config.follows
    config = LocalChannelLayer(history={"chat.*": {}}).config
    assert config.follows
    assert config.history_policy("news") is None
    policy = config.history_policy("chat.a")
    assert policy is not None
    assert policy.bounds == Bounds(100, 300)
    assert policy.echo


def test_first_match_counts() -> None:
    """Patterns are tried in the order of the dict; globs and compiled ones."""
    config = LocalChannelLayer(
        history={
            "chat.staff": {"messages": 7},
            re.compile(r"chat\.\d+$"): {"seconds": 2.5},
            "chat.*": {"messages": 9, "echo": False},
        }
    ).config

    def kept(group: str) -> Bounds:
        policy = config.history_policy(group)
        assert policy is not None
        return policy.bounds

    assert kept("chat.staff") == Bounds(7, 300)
    assert kept("chat.12") == Bounds(100, 2.5)
    assert kept("chat.12a") == Bounds(9, 300)


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ({"type": "chat.message", "text": "typing"}, True),
        ({"type": "typing"}, False),
        ({"who": {"type": ["chat.message"]}, "type": "cursor.moved"}, False),
        ({"text": "without a type"}, True),
    ],
)
def test_except(message: dict[str, Any], kept: bool) -> None:
    """Types that ``except`` names are not kept, wherever the type stands in the message."""
    layer = LocalChannelLayer(history={"chat.*": {"except": ["typing", "cursor.*"]}})
    policy = layer.config.history_policy("chat.a")
    assert policy is not None
    assert policy.keeps(layer._codec.encode(message)) is kept


def test_history_file() -> None:
    """None is a value of its own here: memory only."""
    assert GrpcChannelLayer().config.history_file == ""
    assert GrpcChannelLayer(history_file=None).config.history_file is None
    assert GrpcChannelLayer(history_file=Path("/srv/x")).config.history_file == "/srv/x"
    assert LocalChannelLayer(history_file=None).config.history_file is None


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"history": ["chat.*"]}, "'history' must be a dict of patterns.*such as \"history\""),
        ({"history": {"chat.*": 100}}, "must be a dict of options.*not 100"),
        ({"history": {"chat/*": {}}}, "'chat/\\*', which no group's name can match"),
        ({"history": {"": {}}}, "which no group's name can match"),
        ({"history": {re.compile(b"x"): {}}}, "which no group's name can match"),
        ({"history": {"a": {"message": 1}}}, "unknown key 'message'.*did you mean 'messages'"),
        ({"history": {"a": {"ttl": 1}}}, "its keys are messages, seconds, except, echo"),
        ({"history": {"a": {"messages": 0}}}, "whole number from 1 to 1000000, not 0"),
        ({"history": {"a": {"messages": True}}}, "whole number from 1 to 1000000, not True"),
        ({"history": {"a": {"seconds": "300"}}}, "number of seconds above 0, not '300'"),
        ({"history": {"a": {"seconds": float("inf")}}}, "number of seconds above 0"),
        ({"history": {"a": {"seconds": float("nan")}}}, "number of seconds above 0"),
        ({"history": {"a": {"except": "typing"}}}, r"a list of messages' types.*not 'typing'"),
        ({"history": {"a": {"except": [1]}}}, "a list of messages' types"),
        ({"history": {"a": {"echo": 1}}}, "must be True or False"),
        ({"history_bytes": 1000}, "'history_bytes' must be a whole number from 1048576"),
        ({"history_bytes": 1e9}, "'history_bytes' must be a whole number"),
        ({"history_file": 1}, "'history_file' must be a path, or None"),
        ({"history_file": "x.history"}, "'history_file' must be an absolute path"),
        ({"histori": {}}, "did you mean 'history'?"),
        ({"presence": {"chat.*": True}}, "'presence.*must be a dict of options"),
    ],
)
def test_bad_options(config: dict[str, Any], error: str) -> None:
    """Each mistake is named, with what to write instead."""
    with pytest.raises(ImproperlyConfigured, match=error):
        GrpcChannelLayer(address="unix:/tmp/groups.sock", **config)


def test_no_file_in_one_process() -> None:
    """A path that nothing would be written to is refused."""
    with pytest.raises(ImproperlyConfigured, match="keeps messages in memory only"):
        LocalChannelLayer(history_file="/srv/x")


@pytest.mark.parametrize("key", ["history", "history_bytes", "history_file", "presence"])
def test_not_over_nats(key: str) -> None:
    """NATS keeps nothing yet, and says who does."""
    with pytest.raises(ImproperlyConfigured, match=f"'{key}'.*nothing is kept over NATS yet"):
        NatsChannelLayer(**{key: {"chat.*": {}}})
