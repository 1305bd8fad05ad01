"""``check --deploy`` connects to NATS servers, and says in a sentence what is wrong."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import ERROR, WARNING, CheckMessage
from django.test import override_settings

from channels_bridge.project.advice.deployment_checks import check_deployment
from compat_tests.groups.authority import Authority
from compat_tests.groups.nats.nats_servers import NatsServer, choose_port
from compat_tests.servers import wait_for

USERS = """
accounts {
  mysite {
    users: [
      {user: whole, password: secret}
      {user: part, password: secret, permissions: {
        publish: ["mysite.>"], subscribe: ["mysite.i.>"]
      }}
    ]
  }
}
"""

WHOLE = {"user": "whole", "password": "secret"}


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    """A node that knows two users, and permits one of them next to nothing."""
    with NatsServer(USERS) as server:
        yield server


def check(**config: Any) -> list[CheckMessage]:
    """What ``check --deploy`` says of a project with this CONFIG."""
    backend = "channels_bridge.layers.NatsChannelLayer"
    layer = {"BACKEND": backend, "CONFIG": {"prefix": "mysite", **config}}
    with override_settings(CHANNEL_LAYERS={"default": layer}):
        return check_deployment(None)


def test_nothing_to_say(server: NatsServer) -> None:
    """A node that lets the project do what it needs is not talked about."""
    assert check(servers=server.url, **WHOLE) == []


def test_wrong_password(server: NatsServer) -> None:
    """E011: a node refuses the credentials; they are not shown."""
    (message,) = check(servers=server.url, user="whole", password="wrong-one")
    assert (message.id, message.level) == ("channels_bridge.E011", ERROR)
    assert "it refuses the credentials" in message.msg
    assert message.hint is not None
    assert message.hint.startswith("Compare user, password")
    assert "wrong-one" not in str(message)


def test_permissions(server: NatsServer) -> None:
    """E011: a node permits too little; each subject is named, and where to allow it."""
    messages = check(servers=server.url, user="part", password="secret")
    assert {message.id for message in messages} == {"channels_bridge.E011"}
    texts = sorted(message.msg for message in messages)
    publish, subscribe = texts
    assert "does not let this project publish to $SYS.REQ.ACCOUNT.PING.CONNZ" in publish
    assert "does not let this project subscribe to mysite.c." in subscribe
    assert all("permissions" in str(message.hint) for message in messages)


def test_nobody_there(server: NatsServer, caplog: pytest.LogCaptureFixture) -> None:
    """W012: each server that can't be reached is named; the others are looked at all the same."""
    caplog.set_level(logging.WARNING)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        away = f"nats://127.0.0.1:{free.getsockname()[1]}"
        (message,) = check(servers=[away, server.url], **WHOLE)
    assert (message.id, message.level) == ("channels_bridge.W012", WARNING)
    assert f"nobody listens at {away}" in message.msg
    assert not caplog.records  # that nothing was sent there is no news


def test_wrong_authority(tmp_path: Path) -> None:
    """E011: a node's certificate was signed by somebody else."""
    ours, others = Authority(tmp_path, "ours"), Authority(tmp_path, "others")
    certificate, key = others.sign("node")
    with NatsServer(f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}') as server:
        url = server.url.replace("nats://", "tls://")
        (message,) = check(servers=url, ca_file=ours.ca_file)
        assert message.id == "channels_bridge.E011"
        assert "can't be trusted" in message.msg
        assert check(servers=url, ca_file=others.ca_file) == []


def test_open_to_all() -> None:
    """W013: a node that can be reached from other machines lets in everybody."""
    with NatsServer(host="0.0.0.0") as server:
        url = f"nats://{socket.gethostbyname(socket.gethostname())}:{server.port}"
        messages = check(servers=url, allow_unprotected_tcp=True)
    # A host whose name means itself only is not looked at.
    expected = [] if "//127." in url else ["channels_bridge.W013"]
    assert [message.id for message in messages] == expected


def test_default_prefix(server: NatsServer) -> None:
    """W014: another project may have a package of the same name."""
    (message,) = check(servers=server.url, prefix=None, **WHOLE)
    assert message.id == "channels_bridge.W014"
    assert "begin with 'compat_tests'" in message.msg


@pytest.mark.parametrize("quiet", [True, False])
def test_quiet_cluster(quiet: bool) -> None:
    """W015: a node of several does not tell its clients when another one comes or goes."""
    ports = [choose_port(), choose_port()]
    with NatsServer(member(*ports, quiet), name="n1") as first:
        with NatsServer(member(*reversed(ports), quiet), name="n2") as second:
            assert wait_for(lambda: first.ask("routez")["num_routes"], 30)
            assert wait_for(lambda: second.ask("routez")["num_routes"], 30)
            messages = check(servers=[first.url, second.url])
    assert [message.id for message in messages] == ["channels_bridge.W015"] * quiet
    if quiet:
        assert "Clients of n1, n2 are not told" in messages[0].msg
        assert "no_advertise" in str(messages[0].hint)


def member(port: int, other: int, quiet: bool) -> str:
    """Configuration of one of two nodes."""
    return (
        f'cluster {{ name: cb, listen: "127.0.0.1:{port}", routes: ["nats://127.0.0.1:{other}"], '
        f"no_advertise: {str(quiet).lower()} }}"
    )
