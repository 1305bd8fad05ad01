"""Authentication at a node: by user and password, a token, an nkey, or creds.

Files are read at each connect, so that a secret that was replaced is used from the next one on. A
client's certificate is the business of TLS.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path

from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable

#: The blocks of a creds file, as ``nsc`` writes it.
JWT = re.compile(r"-+BEGIN NATS USER JWT-+\s+(\S+)\s+-+END NATS USER JWT-+")
SEED = re.compile(r"-+BEGIN USER NKEY SEED-+\s+(\S+)\s+-+END USER NKEY SEED-+")

INSTALL_NKEYS = "pip install 'channels-bridge[nats]'"


@dataclass(frozen=True, kw_only=True)
class Authentication:
    """What a process shows a node: one of user and password, token, nkey and creds, or nothing.

    Attributes:
        user: a name, with a password.
        password: of the user.
        password_file: where it is, if it isn't given.
        token: what all users of a node share.
        token_file: where it is, if it isn't given.
        nkey_file: the seed of a user's key; the node knows the public half.
        creds_file: a user's JWT and seed, as ``nsc`` writes them.

    Raises:
        ValueError: they don't go together.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    password_file: str = ""
    token: str = field(default="", repr=False)
    token_file: str = ""
    nkey_file: str = ""
    creds_file: str = ""

    def __post_init__(self) -> None:
        for name in ("password", "token"):
            if getattr(self, name) and getattr(self, f"{name}_file"):
                raise ValueError(f"'{name}' and '{name}_file' are both set: remove one")
        has_password = bool(self.password or self.password_file)
        if bool(self.user) != has_password:
            raise ValueError("'user' and 'password_file' (or 'password') must be set together")
        ways = {
            "user": self.user,
            "token": self.token or self.token_file,
            "nkey_file": self.nkey_file,
            "creds_file": self.creds_file,
        }
        if len(chosen := [name for name, value in ways.items() if value]) > 1:
            raise ValueError(f"{' and '.join(map(repr, chosen))} are set: remove all but one")

    @property
    def files(self) -> list[str]:
        """The files that must be readable."""
        files = [self.password_file, self.token_file, self.nkey_file, self.creds_file]
        return [file for file in files if file]

    def answer(self, nonce: str) -> dict[str, str]:
        """What CONNECT says of it.

        Args:
            nonce: what the node wants to be signed.

        Raises:
            NatsUnavailable: a file can't be read or used, or nkeys is not installed.
        """
        if self.user:
            password = self.password or read_secret(self.password_file)
            return {"user": self.user, "pass": password}
        if self.token or self.token_file:
            return {"auth_token": self.token or read_secret(self.token_file)}
        if self.nkey_file:
            public_key, signature = sign(read_secret(self.nkey_file), nonce, self.nkey_file)
            return {"nkey": public_key, "sig": signature}
        if self.creds_file:
            jwt, seed = read_creds(self.creds_file)
            return {"jwt": jwt, "sig": sign(seed, nonce, self.creds_file)[1]}
        return {}


NOBODY = Authentication()


def read_secret(path: str) -> str:
    """What a file holds, without what surrounds it.

    Raises:
        NatsUnavailable: it can't be read, or is empty.
    """
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "it isn't text"
        raise _unusable(path, words, "let this process' user read it") from error
    if not secret:
        raise _unusable(path, "it is empty", "put the secret into it")
    return secret


def read_creds(path: str) -> tuple[str, str]:
    """The JWT and the seed in a creds file.

    Raises:
        NatsUnavailable: they aren't there.
    """
    text = read_secret(path)
    jwt, seed = JWT.search(text), SEED.search(text)
    if jwt is None or seed is None:
        raise _unusable(path, "it has no user's JWT and seed", "make it with `nsc generate creds`")
    return jwt[1], seed[1]


def sign(seed: str, nonce: str, path: str) -> tuple[str, str]:
    """The public key of a seed, and its signature of a nonce.

    Raises:
        NatsUnavailable: it isn't a seed, or nkeys is not installed.
    """
    try:
        import nkeys  # it needs a library in C, which those without keys are spared
    except ImportError as error:
        raise NatsUnavailable(
            f"{path} can't be used without the package nkeys", INSTALL_NKEYS, refuses=True
        ) from error
    try:
        pair = nkeys.from_seed(bytearray(seed, "ascii"))
        signature = pair.sign(nonce.encode())
        public_key: bytes = pair.public_key
    except (nkeys.NkeysError, ValueError) as error:
        raise _unusable(path, "it has no seed of a user's key", "it begins with SU") from error
    return public_key.decode(), base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def _unusable(path: str, why: str, advice: str) -> NatsUnavailable:
    return NatsUnavailable(f"{path} can't be used ({why})", advice, refuses=True)
