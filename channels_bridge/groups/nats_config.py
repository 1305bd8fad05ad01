"""Options of the layer over NATS. Nothing of NATS is imported here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured

from channels_bridge.groups.discovery.nats_address import NatsAddress, default_prefix
from channels_bridge.groups.layer_config import (
    MAX_MESSAGE_SIZE,
    LinkedConfig,
    require_bool,
    require_count,
)
from channels_bridge.groups.policies.seconds import require_seconds

#: One token of a NATS subject, without anything that NATS gives a meaning.
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)

#: The bounds of ``keep_seconds`` and ``keep_bytes``: a node that is killed is noticed within
#: seconds, and what is kept is kept in every process.
_KEEP_SECONDS = (1, 300)
_KEEP_BYTES = (2**20, 2**30)

#: Secrets that may be in a file of their own.
_SECRETS = ("password", "token")

#: Ways to say who this process is, of which a node takes one.
_IDENTITIES = {
    "user": ("user", "password", "password_file"),
    "token": ("token", "token_file"),
    "nkey_file": ("nkey_file",),
    "creds_file": ("creds_file",),
}

#: Options that say nothing without TLS.
_FOR_TLS = ("ca_file", "client_cert_file", "client_key_file", "tls_first")

_FILES = ("nkey_file", "creds_file", "ca_file", "client_cert_file", "client_key_file")

_TEXTS = ("user", "password", "password_file", "token", "token_file", *_FILES)

#: What the files of secrets look like, so that a wrong path is noticed before a node refuses it.
_LOOKS = {
    "nkey_file": (re.compile(rb".*SU[A-Z2-7]{56}.*", re.DOTALL), "a seed, which begins with SU"),
    "creds_file": (
        re.compile(rb".*BEGIN NATS USER JWT.*BEGIN USER NKEY SEED.*", re.DOTALL),
        "a JWT and a seed, as `nsc generate creds` writes it",
    ),
}

_HUB_ONLY = "remove it, there is no hub in front of NATS"
_NOT_YET = (
    "remove it, nothing is kept over NATS yet; GrpcChannelLayer and LocalChannelLayer can do it"
)
_NODES_OWN = "write it into the NATS server's configuration"


@dataclass(frozen=True, kw_only=True)
class NatsConfig(LinkedConfig):
    """The options of the layer over NATS.

    A node is shown one of user, token, nkey and creds, or none; a client certificate, too, where
    there is one. Files of secrets are read again for each connection.

    Attributes:
        servers: addresses of nodes, ``nats://host:port`` or ``tls://host:port``, or one of them;
            the cluster tells the others. Always a tuple of complete addresses once it is made.
        prefix: how all subjects begin. By default the name of the package that the settings are
            in.
        keep_seconds: how long a sender keeps a copy of what it has sent, for those who missed it:
            nothing is lost while nodes, routes or receivers fail for less than that.
        keep_bytes: the most that those copies may take, in each process.
        user: whom the node knows, by the password.
        password: the user's.
        password_file: where it is, if it isn't given.
        token: what the node knows, instead of a user.
        token_file: where it is, if it isn't given.
        nkey_file: the seed of a user's nkey.
        creds_file: a user's JWT and seed.
        ca_file: authorities that have signed the nodes' certificates, PEM; those of the system if
            there is none.
        client_cert_file: this process' certificate, and what leads to its authority, PEM.
        client_key_file: this process' key, PEM.
        tls_first: whether TLS begins at once, as for nodes with ``handshake_first``.
        allow_unprotected_tcp: whether servers without TLS may be on other machines, those included
            that a server names.
    """

    servers: Sequence[str] = "nats://127.0.0.1:4222"
    keep_seconds: float = 15
    keep_bytes: int = MAX_MESSAGE_SIZE
    user: str = ""
    password: str = field(default="", repr=False)
    password_file: str = ""
    token: str = field(default="", repr=False)
    token_file: str = ""
    nkey_file: str = ""
    creds_file: str = ""
    ca_file: str = ""
    client_cert_file: str = ""
    client_key_file: str = ""
    tls_first: bool = False
    allow_unprotected_tcp: bool = False

    #: Keys that people know from elsewhere, and what to do about them.
    meant: ClassVar[Mapping[str, str]] = {
        # The layer over gRPC.
        "address": "write 'servers'",
        "require_hub": _HUB_ONLY,
        "history": _NOT_YET,
        "history_bytes": _NOT_YET,
        "history_file": _NOT_YET,
        "presence": _NOT_YET,
        "cert_file": _NODES_OWN,
        "key_file": _NODES_OWN,
        "client_ca_file": _NODES_OWN,
        # channels_redis.
        "hosts": "write 'servers'",
        # channels_nats, and what it passes to nats-py.
        "serializer": "remove it, messages are MessagePack",
        "connect_options": "write its options into CONFIG itself, such as 'user' and 'ca_file'",
        "server": "write 'servers'",
        "url": "write 'servers'",
        "user_credentials": "write 'creds_file'",
        "credentials": "write 'creds_file'",
        "nkeys_seed": "write 'nkey_file'",
        "tls": "write 'ca_file', and tls:// before the servers",
        "tls_handshake_first": "write 'tls_first'",
    }

    def __post_init__(self) -> None:
        object.__setattr__(self, "servers", _parse_servers(self.servers))
        super().__post_init__()
        self._check_sizes()
        self._check_prefix()
        for name in ("tls_first", "allow_unprotected_tcp"):
            require_bool(name, getattr(self, name))
        for name in _TEXTS:
            if not isinstance(getattr(self, name), str):
                # Not the value: it may be a secret.
                raise ImproperlyConfigured(f"CONFIG key {name!r} must be text")
        self._check_identity()
        self._check_tls()
        self._check_files()

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(self.servers)

    @property
    def addresses(self) -> tuple[NatsAddress, ...]:
        """The servers, taken apart."""
        return tuple(map(NatsAddress.parse, self.servers))

    @property
    def uses_tls(self) -> bool:
        return self.addresses[0].is_tls

    def _check_sizes(self) -> None:
        require_seconds("keep_seconds", self.keep_seconds)
        _require_between("keep_seconds", self.keep_seconds, _KEEP_SECONDS, "seconds")
        require_count("keep_bytes", self.keep_bytes)
        _require_between("keep_bytes", self.keep_bytes, _KEEP_BYTES, "bytes")
        if self.max_message_size == MAX_MESSAGE_SIZE:  # the default, which never is too much
            smaller = min(MAX_MESSAGE_SIZE, self.keep_bytes)
            object.__setattr__(self, "max_message_size", smaller)
        if self.max_message_size > self.keep_bytes:
            raise ImproperlyConfigured(
                f"CONFIG key 'max_message_size' must be at most 'keep_bytes', {self.keep_bytes}, "
                f"not {self.max_message_size!r}: a sender keeps a copy of each message"
            )

    def _check_prefix(self) -> None:
        if self.prefix == "":
            object.__setattr__(self, "prefix", default_prefix())
        if self.prefix == "":
            raise ImproperlyConfigured(
                "CONFIG key 'prefix' is needed: the settings come from no module whose name it "
                "could be"
            )
        if not isinstance(self.prefix, str) or not _PREFIX.fullmatch(self.prefix):
            raise ImproperlyConfigured(
                f"CONFIG key 'prefix' must be text of at most 100 letters, digits and any of "
                f"'_-', such as 'staging', not {self.prefix!r}"
            )

    def _check_identity(self) -> None:
        for name in _SECRETS:
            if getattr(self, name) and getattr(self, f"{name}_file"):
                raise ImproperlyConfigured(
                    f"CONFIG keys {name!r} and '{name}_file' are both set: remove one"
                )
        has_password = bool(self.password or self.password_file)
        if has_password and not self.user:
            raise ImproperlyConfigured("CONFIG: a password needs a 'user'")
        if self.user and not has_password:
            raise ImproperlyConfigured("CONFIG: a 'user' needs a 'password_file' or a 'password'")
        shown = [key for key in map(self._key_of, _IDENTITIES) if key]
        if {"nkey_file", "creds_file"} & set(shown) and find_spec("nkeys") is None:
            raise ImproperlyConfigured(
                f"CONFIG key {shown[-1]!r} needs a package: pip install nkeys"
            )
        if len(shown) > 1:
            raise ImproperlyConfigured(
                f"CONFIG keys {shown[0]!r} and {shown[1]!r} are both set, and a NATS server is "
                f"shown one of user, token, nkey and creds: remove one"
            )

    def _key_of(self, identity: str) -> str | None:
        """Return the key that is set for a way to say who this process is."""
        return next((key for key in _IDENTITIES[identity] if getattr(self, key)), None)

    def _check_tls(self) -> None:
        if bool(self.client_cert_file) != bool(self.client_key_file):
            raise ImproperlyConfigured(
                "CONFIG keys 'client_cert_file' and 'client_key_file' must be set together"
            )
        if len({address.is_tls for address in self.addresses}) > 1:
            raise ImproperlyConfigured(
                "CONFIG key 'servers' has servers with and without TLS: write tls:// before all"
            )
        if not self.uses_tls:
            self._check_plain()

    def _check_plain(self) -> None:
        """Check what is asked of servers without TLS."""
        for name in _FOR_TLS:
            if getattr(self, name):
                raise ImproperlyConfigured(
                    f"CONFIG key {name!r} is for TLS: write tls:// before the servers"
                )
        for address in self.addresses:
            if not (address.is_loopback or self.allow_unprotected_tcp):
                raise ImproperlyConfigured(
                    f"CONFIG key 'servers': {address} is on another machine, and anyone on the way "
                    f"could read and send messages: write tls://{address.place}, or "
                    f"'allow_unprotected_tcp': True where the network is private"
                )

    def _check_files(self) -> None:
        try:
            for name in _FILES:
                if path := getattr(self, name):
                    _require_look(name, path, _read(name, path))
            for name in (f"{secret}_file" for secret in _SECRETS):
                if path := getattr(self, name):
                    _require_line(name, path, _read(name, path))
        except ValueError as error:
            raise ImproperlyConfigured(f"CONFIG: {error}") from None


def _parse_servers(servers: Any) -> tuple[str, ...]:
    given = [servers] if isinstance(servers, str) else servers
    if not isinstance(given, (list, tuple)) or not given:
        raise ImproperlyConfigured(
            "CONFIG key 'servers' must be a list of addresses, such as ['nats://127.0.0.1:4222']"
        )
    try:
        return tuple(dict.fromkeys(str(NatsAddress.parse(server)) for server in given))
    except ValueError as error:
        raise ImproperlyConfigured(f"CONFIG key 'servers': {error}") from None


def _require_between(name: str, value: float, bounds: tuple[int, int], unit: str) -> None:
    if not bounds[0] <= value <= bounds[1]:
        raise ImproperlyConfigured(
            f"CONFIG key {name!r} must be {bounds[0]} to {bounds[1]} {unit}, not {value!r}"
        )


def _read(option: str, path: str) -> bytes:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{option!r} can't be read: {path} ({error.strerror})") from None
    if not content.strip():
        raise ValueError(f"{option!r} is empty: {path}")
    return content


def _require_line(option: str, path: str, content: bytes) -> None:
    text = content.decode(errors="replace").strip()
    if "\n" in text or "\ufffd" in text:
        raise ValueError(f"{option!r} must hold one line of text: {path}")


def _require_look(option: str, path: str, content: bytes) -> None:
    pattern, what = _LOOKS.get(option, (None, ""))
    if pattern is not None and not pattern.fullmatch(content):
        raise ValueError(f"{option!r} must hold {what}: {path}")
