"""What CONFIG says of presence: how it is read, and what is said of mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from channels_bridge.groups.presence.roll import Terms
from channels_bridge.layers import LocalChannelLayer

HERE = __name__


def describe(scope: Mapping[str, Any]) -> dict[str, object]:
    """Who a connection is."""
    return {"key": scope["key"]}


async def describe_later(scope: Mapping[str, Any]) -> dict[str, object]:
    """It can't be awaited."""
    return describe(scope)


def test_defaults() -> None:
    """Without a function that names people, only their number is told."""
    config = LocalChannelLayer(presence={"chat.*": {}}).config
    assert config.follows
    assert config.presence_policy("news") is None
    policy = config.presence_policy("chat.1")
    assert policy is not None
    assert (policy.path, policy.terms) == ("", Terms(linger=10, limit=0))


def test_all_options() -> None:
    """They are taken as they are."""
    options = {"describe": f"{HERE}.describe", "linger": 0, "limit": 5, "channel": "presence"}
    policy = LocalChannelLayer(presence={"chat.*": options}).config.presence_policy("chat.1")
    assert policy is not None
    assert policy.terms == Terms(linger=0, limit=5, queue="presence")
    assert policy.describe({"key": 3}) == {"key": 3}


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"desribe": "a.b"}, "unknown key 'desribe'.*did you mean 'describe'"),
        ({"describe": print}, "must be the path of a function, such as 'mysite.realtime.desc"),
        ({"describe": "describe"}, "must be the path of a function"),
        ({"describe": "a.b", "linger": -1}, "must be a number of seconds from 0 to 86400, not -1"),
        ({"describe": "a.b", "linger": True}, "must be a number of seconds"),
        ({"describe": "a.b", "limit": 1.5}, "must be a whole number from 0 to 10000, not 1.5"),
        ({"limit": 5}, "has no effect: without 'describe' nobody is named"),
        ({"channel": "a!b"}, "must be the name of a channel for runworker"),
        ({"channel": 5}, "must be the name of a channel for runworker"),
    ],
)
def test_mistakes(options: dict[str, Any], advice: str) -> None:
    """The error says what to write instead."""
    with pytest.raises(ImproperlyConfigured, match=advice):
        LocalChannelLayer(presence={"chat.*": options})


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("compat_tests.nowhere.describe", "cannot be imported: No module named"),
        (f"{HERE}.nobody", "cannot be imported: Module .* does not define"),
        (f"{HERE}.HERE", "is no function"),
        (f"{HERE}.describe_later", "is asynchronous: write a plain function"),
    ],
)
def test_what_is_no_function(path: str, advice: str) -> None:
    """It is imported when it is needed, not with the settings."""
    policy = LocalChannelLayer(presence={"*": {"describe": path}}).config.presence_policy("chat")
    assert policy is not None
    with pytest.raises(ImproperlyConfigured, match=advice):
        _ = policy.describe
