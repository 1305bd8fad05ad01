"""Keys and signed claims of NATS: an operator, its account, and creds of users."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

import nkeys

CREDS = """\
-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


class Key:
    """A pair of keys.

    Args:
        kind: of whose: ``USER``, ``ACCOUNT`` or ``OPERATOR``.

    Attributes:
        seed: the secret half.
        public: the other.
    """

    def __init__(self, kind: str) -> None:
        prefix = getattr(nkeys, f"PREFIX_BYTE_{kind}")
        self.seed = nkeys.encode_seed(os.urandom(32), prefix).decode()
        self._pair = nkeys.from_seed(self.seed.encode())
        self.public: str = self._pair.public_key.decode()

    def sign(self, kind: str, subject: str, **claims: Any) -> str:
        """Return a JWT that says something of somebody."""
        now = int(time.time())
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        nats = {"type": kind, "version": 2, **claims.pop("nats", {})}
        body = {
            **{"jti": os.urandom(8).hex(), "iat": now, "iss": self.public, "sub": subject},
            **{"name": kind, "nats": nats, **claims},
        }
        text = b".".join(encode(json.dumps(part).encode()) for part in (head, body))
        return (text + b"." + encode(self._pair.sign(text))).decode()


def encode(data: bytes) -> bytes:
    """Base64 as JWTs have it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class Operator:
    """An operator with one account.

    Attributes:
        config: what a node must have to know both.
    """

    def __init__(self) -> None:
        operator, self._account = Key("OPERATOR"), Key("ACCOUNT")
        limited = ("subs", "data", "payload", "conn", "leaf", "imports", "exports")
        limits = dict.fromkeys(limited, -1)
        account = operator.sign(
            "account", self._account.public, nats={"limits": {**limits, "wildcards": True}}
        )
        self.config = (
            f"operator: {operator.sign('operator', operator.public)}\n"
            f"resolver: MEMORY\nresolver_preload: {{ {self._account.public}: {account} }}\n"
        )

    def write_creds(self, path: Path, **claims: Any) -> None:
        """Write the creds of a new user."""
        user = Key("USER")
        limits = {"subs": -1, "data": -1, "payload": -1}
        jwt = self._account.sign("user", user.public, nats=limits, **claims)
        path.write_text(CREDS.format(jwt=jwt, seed=user.seed))
