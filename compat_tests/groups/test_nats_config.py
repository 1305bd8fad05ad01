"""CONFIG of the layer over NATS: each mistake is named, with what to write instead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.exceptions import ImproperlyConfigured

from channels_bridge.groups import hub_address, nats_config, reaches_others
from channels_bridge.groups.linked import isolation
from channels_bridge.groups.nats_config import NatsConfig
from channels_bridge.layers import GrpcChannelLayer, LocalChannelLayer, NatsChannelLayer
from channels_bridge.testing import using_hub
from compat_tests.groups.hubs import ENVIRONMENT, ROOT

SECRET = "geheim-0123456789"
SEED = "SU" + "A" * 56
CREDS = f"""-----BEGIN NATS USER JWT-----
eyJ0
------END NATS USER JWT------
-----BEGIN USER NKEY SEED-----
{SEED}
------END USER NKEY SEED------
"""


@pytest.fixture(autouse=True)
def packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """What signs with keys is there: this is about CONFIG."""
    monkeypatch.setattr(nats_config, "find_spec", lambda name: True)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Files of secrets and certificates, by the key of CONFIG that may name each of them."""
    contents = {
        "password_file": f"{SECRET}\n",
        "token_file": f"{SECRET}\n",
        "nkey_file": f"{SEED}\n",
        "creds_file": CREDS,
        "ca_file": "-----BEGIN CERTIFICATE-----\n",
        "client_cert_file": "-----BEGIN CERTIFICATE-----\n",
        "client_key_file": "-----BEGIN PRIVATE KEY-----\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    return {name: str(tmp_path / name) for name in contents}


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
        ("localhost", "nats://localhost:4222"),
        ("nats://[::1]", "nats://[::1]:4222"),
        ("::1", "nats://[::1]:4222"),
        ("[::1]:4223", "nats://[::1]:4223"),
        ("tls://n1.example.org", "tls://n1.example.org:4222"),
        ("TLS://n1.example.org:443/", "tls://n1.example.org:443"),
        ("tls://192.0.2.1", "tls://192.0.2.1:4222"),
    ],
)
def test_server(given: str, normal: str) -> None:
    """A server is a URL; scheme and port may be left out, and one may stand without a list."""
    assert NatsConfig(servers=given).servers == (normal,)
    assert NatsConfig(servers=[given, given]).servers == (normal,)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (4222, "must be a list of addresses"),
        ([], "must be a list of addresses"),
        ([4222], "server 4222 isn't valid: write nats://host:port"),
        ([""], "write nats://host:port"),
        ("ws://n1:8080", "over WebSocket is not spoken here, write nats://host:port"),
        ("http://n1:4222", "write nats://host:port, or tls://host:port for TLS"),
        ("redis://n1:6379", "write nats://host:port"),
        ("nats://n1:4222,nats://n2:4222", "write several servers as a list"),
        ("nats://n1:4222/path", "write nats://host:port"),
        ("nats://n1:0", "write nats://host:port"),
        ("nats://n1:65536", "write nats://host:port"),
        ("nats://n1:nats", "write nats://host:port"),
        ("nats://:4222", "write nats://host:port"),
        ("nats://[n1]:4222", "write nats://host:port"),
        ("nats://a host", "write nats://host:port"),
        (f"tls://{'x' * 64}.example", "write nats://host:port"),
        ("nats://n1\r\nPUB x 0", "write nats://host:port"),
        (f"nats://user:{SECRET}@n1:4222", "may not have a user.*`user` and `password_file`"),
        (f"{SECRET}@n1", "may not have .* a token in it, as addresses are logged"),
        ("nats://192.0.2.1", "on another machine.*write tls://192.0.2.1:4222"),
        ("n1", "nats://n1:4222 is on another machine.*write tls://n1:4222"),
        (["tls://n1", "nats://127.0.0.1"], "with and without TLS: write tls:// before all"),
    ],
)
def test_bad_servers(given: Any, error: str) -> None:
    """A server that can't be meant is refused, and no password in it is shown."""
    with pytest.raises(ImproperlyConfigured, match=f"'servers'.*{error}") as caught:
        NatsChannelLayer(servers=given)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"servrs": "n1"}, "unknown CONFIG key 'servrs'.*did you mean 'servers'"),
        ({"hosts": ["n1"]}, "unknown CONFIG key 'hosts'.*write 'servers'"),
        ({"symmetric_encryption_keys": []}, "remove it, as it is an option of channels_redis"),
        ({"address": "n1"}, "unknown CONFIG key 'address'.*write 'servers'"),
        ({"require_hub": True}, "'require_hub'.*there is no hub in front of NATS"),
        ({"cert_file": "/x"}, "'cert_file'.*into the NATS server's configuration"),
        ({"serializer": "json"}, "'serializer'.*messages are MessagePack"),
        ({"connect_options": {}}, "write its options into CONFIG itself"),
        ({"user_credentials": "/x"}, "write 'creds_file'"),
        ({"prefix": "a.b"}, "'prefix' must be text of at most 100 letters.*not 'a.b'"),
        ({"prefix": "a*"}, "'prefix' must be text"),
        ({"prefix": "a b"}, "'prefix' must be text"),
        ({"prefix": "é"}, "'prefix' must be text"),
        ({"prefix": "x" * 101}, "'prefix' must be text"),
        ({"prefix": b"app"}, "'prefix' must be text.*not b'app'"),
        ({"timeout": 0}, "'timeout' must be a number of seconds above 0"),
        ({"confirm": 1}, "'confirm' must be True or False"),
        ({"keep_seconds": 0}, "'keep_seconds' must be a number of seconds above 0"),
        ({"keep_seconds": 0.5}, "'keep_seconds' must be 1 to 300 seconds, not 0.5"),
        ({"keep_seconds": 301}, "'keep_seconds' must be 1 to 300 seconds, not 301"),
        ({"keep_bytes": 1.5}, "'keep_bytes' must be a whole number above 0"),
        ({"keep_bytes": 1000}, "'keep_bytes' must be 1048576 to 1073741824 bytes, not 1000"),
        ({"max_message_size": 2**26}, "at most 'keep_bytes', 33554432.*a copy of each message"),
        ({"max_message_size": "1"}, "'max_message_size' must be a whole number"),
        ({"capacity": 0}, "'capacity' must be a whole number above 0"),
        ({"user": 7}, "'user' must be text"),
        ({"user": "mysite"}, "a 'user' needs a 'password_file' or a 'password'"),
        ({"password": SECRET}, "a password needs a 'user'"),
        ({"user": "mysite", "password": SECRET, "password_file": "/x"}, "are both set: remove"),
        ({"token": SECRET, "token_file": "/x"}, "'token' and 'token_file' are both set: remove"),
        ({"token": SECRET, "nkey_file": "/x"}, "'token' and 'nkey_file' are both set.*one of"),
        ({"nkey_file": "/x", "creds_file": "/y"}, "'nkey_file' and 'creds_file' are both set"),
        ({"token_file": "/no/such"}, "'token_file' can't be read: /no/such \\(No such file"),
        ({"creds_file": "/no/such"}, "'creds_file' can't be read: /no/such"),
        ({"nkey_file": "/"}, "'nkey_file' can't be read: / \\(Is a directory"),
        ({"ca_file": "/no/such"}, "'ca_file' is for TLS: write tls:// before the servers"),
        ({"tls_first": True}, "'tls_first' is for TLS"),
        ({"tls_first": "yes"}, "'tls_first' must be True or False"),
        ({"servers": "tls://n1", "ca_file": "/no/such"}, "'ca_file' can't be read: /no/such"),
        ({"servers": "tls://n1", "client_cert_file": "/x"}, "must be set together"),
        ({"allow_unprotected_tcp": 1}, "'allow_unprotected_tcp' must be True or False"),
    ],
)
def test_bad_config(config: dict[str, Any], error: str) -> None:
    """Each mistake is named, with what to write instead and without any secret."""
    with pytest.raises(ImproperlyConfigured, match=error) as caught:
        NatsChannelLayer(**config)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "content", "error"),
    [
        ("token_file", "", "'token_file' is empty"),
        ("token_file", "two\nlines\n", "'token_file' must hold one line of text"),
        ("nkey_file", SECRET, "'nkey_file' must hold a seed, which begins with SU"),
        ("creds_file", SEED, "'creds_file' must hold a JWT and a seed"),
    ],
)
def test_bad_files(tmp_path: Path, key: str, content: str, error: str) -> None:
    """So is a file that holds something else."""
    (tmp_path / "file").write_text(content)
    with pytest.raises(ImproperlyConfigured, match=error) as caught:
        NatsChannelLayer(**{key: str(tmp_path / "file")})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "keys",
    [
        (),
        ("user", "password_file"),
        ("token_file",),
        ("nkey_file",),
        ("creds_file",),
        ("client_cert_file", "client_key_file"),
        ("creds_file", "ca_file", "client_cert_file", "client_key_file"),
    ],
)
def test_ways_to_say_who_one_is(files: dict[str, str], keys: tuple[str, ...]) -> None:
    """Each way of NATS is possible, with a client certificate or without."""
    options = {key: (files | {"user": "mysite"})[key] for key in keys}
    assert NatsConfig(servers=["tls://n1", "tls://n2"], **options).uses_tls


def test_missing_package(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys need a package, which those without keys are spared."""
    monkeypatch.setattr(nats_config, "find_spec", lambda name: None)
    for key in ("nkey_file", "creds_file"):
        with pytest.raises(ImproperlyConfigured, match=f"'{key}' needs a package: pip install"):
            NatsChannelLayer(**{key: files[key]})
    NatsChannelLayer(token_file=files["token_file"])


def test_given_secrets() -> None:
    """A secret may be in CONFIG itself; options can be printed all the same."""
    layer = NatsChannelLayer(user="mysite", password=SECRET)
    assert layer.config.password == SECRET
    for printed in (layer.config, vars(layer), NatsConfig(token=SECRET)):
        assert SECRET not in repr(printed)


def test_unprotected() -> None:
    """Without TLS, other machines are reached only by those who say that they may be."""
    assert not NatsConfig(servers="n1", allow_unprotected_tcp=True).uses_tls
    assert not NatsConfig(servers=["127.0.0.1", "localhost", "::1"]).uses_tls


def test_message_size() -> None:
    """A message is never larger than what a sender keeps."""
    assert NatsConfig().max_message_size == 2**25
    assert NatsConfig(keep_bytes=2**20).max_message_size == 2**20
    assert NatsConfig(keep_bytes=2**27, max_message_size=2**26).max_message_size == 2**26


@pytest.mark.parametrize(
    ("module", "prefix"),
    [
        ("mysite.settings", "mysite"),
        ("mysite.settings.production", "mysite"),
        ("settings", "settings"),
        ("größe.settings", "gr__e"),
    ],
)
def test_default_prefix(settings: Any, module: str, prefix: str) -> None:
    """Subjects begin with the name of the project's package, on every machine."""
    settings.SETTINGS_MODULE = module
    assert NatsConfig().prefix == prefix
    assert NatsConfig(prefix="staging").prefix == "staging"


def test_no_default_prefix(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that come from no module have no name."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    settings.SETTINGS_MODULE = None
    assert configured.SETTINGS_MODULE is None
    with pytest.raises(ImproperlyConfigured, match="'prefix' is needed"):
        NatsConfig()


def test_what_it_reaches() -> None:
    """A layer over NATS reaches other processes, and needs no hub for that."""
    assert reaches_others(NatsChannelLayer())
    assert reaches_others(GrpcChannelLayer())
    assert hub_address(NatsChannelLayer()) is None
    assert not reaches_others(LocalChannelLayer())
    assert not reaches_others(None)


def test_isolation(settings: Any, tmp_path: Path) -> None:
    """Tests find nobody, unless they ask for it; live tests have subjects of their own."""
    settings.SETTINGS_MODULE = "mysite.settings"
    assert NatsChannelLayer()._place() is None
    assert NatsChannelLayer(servers="localhost")._place() == "nats://localhost:4222 (mysite)"
    with using_hub():
        assert NatsChannelLayer()._place() == "nats://127.0.0.1:4222 (mysite)"
    with isolation.relocation(tmp_path):
        prefixes = {NatsChannelLayer(prefix=name).prefix for name in ("a", "b")}
        assert len(prefixes) == 2
        assert all(prefix.startswith("tests-") for prefix in prefixes)
    assert NatsChannelLayer(prefix="a").prefix == "a"


def test_imports() -> None:
    """A project that uses another layer loads nothing of NATS."""
    code = "import channels_bridge.layers, sys; print([m for m in sys.modules if '.nats.' in m])"
    output = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env=ENVIRONMENT)
    assert output == b"[]\n"
