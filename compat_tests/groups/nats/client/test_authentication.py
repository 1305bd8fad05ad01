"""Whom a node lets in: users, tokens, nkeys and creds, on real nodes with real keys."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from channels_bridge.groups.nats.client.authentication import Authentication
from compat_tests.groups.hubs import soon, until
from compat_tests.groups.nats.client.clients import Client
from compat_tests.groups.nats.client.conftest import Connect
from compat_tests.groups.nats.nats_keys import Key, Operator
from compat_tests.groups.nats.nats_servers import NatsServer

USER = "authorization { user: mysite, password: right }"
REFUSED = "it refuses the credentials: compare user, password, token, nkey or creds"


async def test_user(connect: Connect, make_client: Callable[..., Client], tmp_path: Path) -> None:
    """A password in CONFIG or in a file, one that is wrong, and none."""
    file = tmp_path / "password"
    file.write_text("right\n")
    with NatsServer(USER) as server:
        for right in ({"password": "right"}, {"password_file": str(file)}):
            identity = Authentication(user="mysite", **right)
            client = await connect(server.url, authentication=identity)
            await client.connection.aclose()
        wrong = Authentication(user="mysite", password="wrong")
        for identity in (wrong, Authentication()):
            client = make_client(server.url, authentication=identity)
            assert f"{server.url}: {REFUSED}" in await client.be_refused()


async def test_one_refusal_is_none_yet(make_client: Callable[..., Client]) -> None:
    """A node may be about to read its configuration; the second time it means it."""
    with NatsServer(USER) as server:
        client = make_client(server.url, ping_interval=0.1)
        client.connection.start()
        await until(lambda: client.connection.trouble is not None)
        assert client.connection.refusal is None
        await until(lambda: client.connection.refusal is not None)
        await client.connection.aclose()


async def test_refusals_are_one_error(
    make_client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong password is one line in the log, however often it is tried."""
    caplog.set_level("WARNING")
    with NatsServer(USER) as server:
        client = make_client(server.url)
        client.connection.start()
        await until(lambda: server.ask("varz")["total_connections"] > 4)
        await client.connection.aclose()
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage().startswith(f"no connection to NATS: {server.url}: {REFUSED}")


async def test_password_is_replaced(
    make_client: Callable[..., Client], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A new password is read from its file: nothing has to be started again."""
    file = tmp_path / "password"
    file.write_text("old")
    with NatsServer(USER.replace("right", "old")) as server:
        identity = Authentication(user="mysite", password_file=str(file))
        client = make_client(server.url, authentication=identity)
        await client.connect()
        server.configure(USER)
        server.restart()
        await until(lambda: client.connection.refusal is not None)
        assert not client.connection.connected
        file.write_text("right")
        await until(lambda: client.connection.connected)
        assert client.connection.refusal is None
        assert caplog.text.count(REFUSED) >= 1
        assert "right" not in caplog.text.replace(str(file), "")
        await client.connection.aclose()


async def test_token(connect: Connect, make_client: Callable[..., Client], tmp_path: Path) -> None:
    """A token, in CONFIG or in a file."""
    file = tmp_path / "token"
    file.write_text("s3cret")
    with NatsServer("authorization { token: s3cret }") as server:
        for identity in (Authentication(token="s3cret"), Authentication(token_file=str(file))):
            client = await connect(server.url, authentication=identity)
            await client.connection.aclose()
        client = make_client(server.url, authentication=Authentication(token="guess"))
        assert REFUSED in await client.be_refused()


async def test_nkey(connect: Connect, make_client: Callable[..., Client], tmp_path: Path) -> None:
    """A key whose public half the node knows, and another."""
    key, stranger = Key("USER"), Key("USER")
    known, unknown = tmp_path / "known.nk", tmp_path / "unknown.nk"
    known.write_text(key.seed + "\n")
    unknown.write_text(stranger.seed)
    with NatsServer(f"authorization {{ users: [ {{ nkey: {key.public} }} ] }}") as server:
        identity = Authentication(nkey_file=str(known))
        client = await connect(server.url, authentication=identity)
        server.kill()
        server.start()  # another nonce
        await until(lambda: client.greetings == [True, False])
        await client.connection.aclose()
        client = make_client(server.url, authentication=Authentication(nkey_file=str(unknown)))
        assert REFUSED in await client.be_refused()


async def test_creds(connect: Connect, make_client: Callable[..., Client], tmp_path: Path) -> None:
    """A user whom an account has signed, of an operator that the node trusts; and a stranger."""
    operator = Operator()
    file, foreign = tmp_path / "mysite.creds", tmp_path / "foreign.creds"
    operator.write_creds(file)
    Operator().write_creds(foreign)
    with NatsServer(operator.config) as server:
        identity = Authentication(creds_file=str(file))
        here = await connect(server.url, authentication=identity)
        there = await connect(server.url, authentication=identity)
        await there.subscribe("a")
        here.connection.publish("a", b"signed")
        assert await there.receive(1) == [b"signed"]
        client = make_client(server.url, authentication=Authentication(creds_file=str(foreign)))
        assert REFUSED in await client.be_refused()
        await here.connection.aclose()
        await there.connection.aclose()


async def test_creds_expire(connect: Connect, tmp_path: Path) -> None:
    """Creds that expire end the connection; new ones in their file are used at once."""
    operator = Operator()
    file = tmp_path / "mysite.creds"
    operator.write_creds(file, exp=int(time.time()) + 2)
    with NatsServer(operator.config) as server:
        identity = Authentication(creds_file=str(file))
        client = await connect(server.url, authentication=identity)
        operator.write_creds(file)
        await until(lambda: client.greetings == [True, False])
        await soon(client.connection.flush(10))
        await client.connection.aclose()


@pytest.mark.parametrize(
    ("option", "content", "words"),
    [
        ("token_file", None, "(No such file or directory): let this process' user read it"),
        ("token_file", "\n", "(it is empty): put the secret into it"),
        ("token_file", b"\xff\xfe", "(it isn't text)"),
        ("nkey_file", "secret", "(it has no seed of a user's key): it begins with SU"),
        ("nkey_file", "SU\u00e4", "(it has no seed of a user's key)"),
        ("creds_file", "secret", "(it has no user's JWT and seed): make it with `nsc generate"),
    ],
)
async def test_files_that_cannot_be_used(
    make_client: Callable[..., Client],
    tmp_path: Path,
    option: str,
    content: str | bytes | None,
    words: str,
) -> None:
    """The sentence names the file and what to do, and has nothing of the secret in it."""
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    client = make_client(authentication=Authentication(**{option: str(file)}))
    refusal = await client.be_refused()
    assert f"{file} can't be used {words}" in refusal
    assert "secret" not in refusal.replace("put the secret", "")


async def test_without_nkeys(
    make_client: Callable[..., Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nkeys is missing, the sentence says how to install it."""
    monkeypatch.setitem(sys.modules, "nkeys", None)
    file = tmp_path / "mysite.nk"
    file.write_text(Key("USER").seed)
    client = make_client(authentication=Authentication(nkey_file=str(file)))
    assert await client.be_refused() == (
        f"{file} can't be used without the package nkeys: pip install 'channels-bridge[nats]'"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"user": "a"}, "'user' and 'password_file' (or 'password') must be set together"),
        ({"password": "a"}, "'user' and 'password_file' (or 'password') must be set together"),
        ({"token": "a", "token_file": "b"}, "'token' and 'token_file' are both set: remove one"),
        ({"token": "a", "nkey_file": "b"}, "'token' and 'nkey_file' are set: remove all but one"),
    ],
)
def test_what_does_not_go_together(options: dict[str, str], words: str) -> None:
    """A node takes one way only."""
    with pytest.raises(ValueError) as caught:
        Authentication(**options)
    assert str(caught.value) == words


def test_secrets_are_not_shown() -> None:
    """Who prints the options sees no secret."""
    assert "s3cret" not in repr(Authentication(user="a", password="s3cret"))
    assert "s3cret" not in repr(Authentication(token="s3cret"))
