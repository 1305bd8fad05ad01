"""Errors of nodes: each says in a sentence what is wrong, and what to do about it."""

from __future__ import annotations

import re
import socket
import ssl
from typing import NamedTuple


class NatsUnavailable(Exception):
    """A node can't be reached, doesn't answer in time, or refuses.

    Attributes:
        reason: what happened.
        advice: what to do; empty where the reason says it.
        refuses: whether no waiting heals it, such as wrong credentials.
    """

    def __init__(self, reason: str, advice: str = "", *, refuses: bool = False) -> None:
        self.reason = reason
        self.advice = advice
        self.refuses = refuses
        super().__init__(f"{reason}: {advice}" if advice else reason)


class Denial(NamedTuple):
    """A subject that a node keeps from this user.

    Attributes:
        verb: ``publish`` or ``subscribe``.
        subject: such as ``mysite.g.news``.
        advice: what to do.
    """

    verb: str
    subject: str
    advice: str

    @property
    def action(self) -> str:
        """Such as ``publish to mysite.g.news``."""
        return f"{self.verb} to {self.subject}"


class _Complaint(NamedTuple):
    reason: str
    advice: str
    refuses: bool = True


#: By what a node says, in lower case and up to the first thing that varies.
COMPLAINTS = {
    "authorization violation": _Complaint(
        "it refuses the credentials",
        "compare user, password, token, nkey or creds in the layer's CONFIG with `authorization` "
        "or `accounts` in the server's configuration",
    ),
    "authentication timeout": _Complaint(
        "it got no credentials in time", "raise `timeout` in `authorization` of the server", False
    ),
    "authorization timeout": _Complaint(
        "it got no credentials in time", "raise `timeout` in `authorization` of the server", False
    ),
    "user authentication expired": _Complaint(
        "the user's credentials have expired", "put new ones into the file that CONFIG names"
    ),
    "user authentication revoked": _Complaint(
        "the user's credentials have been revoked", "put new ones into the file that CONFIG names"
    ),
    "account authentication expired": _Complaint(
        "the account's credentials have expired", "have its operator renew them"
    ),
    "maximum account active connections exceeded": _Complaint(
        "the account has as many connections as it may have",
        "raise `max_connections` of the account: each process needs one",
    ),
    "maximum connections exceeded": _Complaint(
        "it has as many connections as it may have",
        "raise `max_connections` of the server: each process needs one",
    ),
    "maximum account connections exceeded": _Complaint(
        "the account has as many connections as it may have",
        "raise `max_connections` of the account: each process needs one",
    ),
    "maximum payload violation": _Complaint(
        "it has got a message that is larger than its `max_payload`",
        "set the same `max_payload` on all servers",
        False,
    ),
    "maximum control line exceeded": _Complaint(
        "a subject is longer than it allows", "raise `max_control_line` of the server", False
    ),
    "secure connection - tls required": _Complaint(
        "it wants TLS", "write `tls://` in `servers`, and set `ca_file`"
    ),
    "attempted to connect to route port": _Complaint(
        "this is the port for other nodes, not for clients", "use the one after `listen`"
    ),
    "attempted to connect to leaf node port": _Complaint(
        "this is the port for leaf nodes, not for clients", "use the one after `listen`"
    ),
    "stale connection": _Complaint(
        "it has heard nothing from this process for too long", "", False
    ),
    "slow consumer": _Complaint(
        "this process has read too slowly", "raise `max_pending` of the server", False
    ),
    "connection throttling is active": _Complaint(
        "it lets in no more connections for a moment", "", False
    ),
    "server shutdown": _Complaint("it has ended", "", False),
}

#: What refuses a subscription; the connection stays.
TOO_MANY = re.compile(r"maximum (account )?subscriptions exceeded", re.I)
RAISE_SUBSCRIPTIONS = (
    "raise `max_subscriptions` of the server and the account: each process needs one for each "
    "group that has members there"
)

#: What says that a subject is not allowed; the connection stays.
DENIAL = re.compile(r"permissions violation for (publish|subscription) to \"([^\"]*)\"", re.I)


def explain_complaint(server: object, text: str) -> NatsUnavailable:
    """What a node's ``-ERR`` means, which ends the connection."""
    known = text.lower()
    for beginning, complaint in COMPLAINTS.items():
        if known.startswith(beginning):
            reason, advice, refuses = complaint
            return NatsUnavailable(f"{server}: {reason}", advice, refuses=refuses)
    return NatsUnavailable(f"{server} says {text[:200]!r}")


def explain_denial(text: str) -> Denial | None:
    """What a node's ``-ERR`` means that concerns one subject only; None if it isn't such a one."""
    if TOO_MANY.match(text):
        return Denial("subscribe", "more subjects", RAISE_SUBSCRIPTIONS)
    found = DENIAL.search(text)
    if found is None:
        return None
    verb = "publish" if found[1].lower() == "publish" else "subscribe"
    advice = f"allow it in `permissions {{ {verb}: ... }}` of the server's user"
    return Denial(verb, found[2], advice)


def explain_failure(server: object, error: BaseException) -> NatsUnavailable:
    """What an exception means that connecting has raised, or that has ended a connection."""
    if isinstance(error, NatsUnavailable):
        return error
    if isinstance(error, ssl.SSLError):
        return explain_tls_failure(server, error)
    if isinstance(error, ConnectionRefusedError):
        return NatsUnavailable(
            f"nobody listens at {server}", "start nats-server there, or correct `servers`"
        )
    if isinstance(error, ConnectionAbortedError):
        return NatsUnavailable(f"{server} has ended the connection")
    if isinstance(error, socket.gaierror):
        return NatsUnavailable(
            f"no address of {server} is known ({error.strerror or error})",
            "correct the name in `servers`, or what knows names (DNS, /etc/hosts)",
        )
    if isinstance(error, OSError):
        words = error.strerror or str(error) or type(error).__name__
        return NatsUnavailable(f"no connection to {server}: {words}")
    return NatsUnavailable(f"{server}: {error}")


def explain_tls_failure(server: object, error: ssl.SSLError) -> NatsUnavailable:
    """What is wrong with certificates."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_certificate(server, error)
    words = (error.reason or str(error)).replace("_", " ").lower()
    if "certificate required" in words or "handshake failure" in words:
        return explain_missing_certificate(server)
    if "unknown ca" in words or "bad certificate" in words or "certificate unknown" in words:
        return NatsUnavailable(
            f"{server} does not accept this process' certificate ({words})",
            "use one that the authority in the server's `tls { ca_file }` has signed",
            refuses=True,
        )
    if "wrong version number" in words or "record layer" in words:
        return NatsUnavailable(
            f"{server} does not begin with TLS",
            "remove `tls_first`, which is for servers with `handshake_first`",
            refuses=True,
        )
    return NatsUnavailable(f"no TLS with {server}: {words}")


def explain_missing_certificate(server: object) -> NatsUnavailable:
    """What to do where a node wants a client's certificate, and has not got one that it accepts."""
    return NatsUnavailable(
        f"{server} wants a client's certificate",
        "set `client_cert_file` and `client_key_file` in the layer's CONFIG, to one that the "
        "authority in the server's `tls { ca_file }` has signed",
        refuses=True,
    )


def _explain_certificate(server: object, error: ssl.SSLCertVerificationError) -> NatsUnavailable:
    words = error.verify_message or str(error)
    if "mismatch" in words.lower() or "not valid for" in words.lower():
        advice = "use a name in `servers` that the certificate is for"
    elif "expired" in words:
        advice = "renew it"
    else:
        advice = "set `ca_file` to the authority that has signed it"
    return NatsUnavailable(
        f"the certificate of {server} can't be trusted ({words})", advice, refuses=True
    )
