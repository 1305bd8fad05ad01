"""The encoder of NATS' protocol: what a client writes to a node. No I/O.

A subject becomes part of a line of the protocol, so one with a space or a line break in it would be
another command; it is refused here, whoever made it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

PING = b"PING\r\n"
PONG = b"PONG\r\n"
HEADERS_BEGIN = b"NATS/1.0\r\n"

#: A node takes a line of 4,096 bytes by default; a subject shares it with another and two numbers.
MAX_SUBJECT = 1024

_SUBJECT = re.compile(r"[!-~]+")
_HEADER = re.compile(r"[!-9;-~]+")


@lru_cache(maxsize=4096)
def encode_subject(subject: str) -> bytes:
    """The bytes of a subject.

    Raises:
        ValueError: it is empty or too long, or has a byte that isn't printable ASCII in it.
    """
    if len(subject) > MAX_SUBJECT or not _SUBJECT.fullmatch(subject):
        raise ValueError(
            f"{subject[:100]!r} can't be a subject: use 1 to {MAX_SUBJECT} printable ASCII "
            f"characters without spaces"
        )
    return subject.encode("ascii")


def encode_connect(options: Mapping[str, Any]) -> bytes:
    """CONNECT: who this client is, and what it wants."""
    return b"CONNECT %b\r\n" % json.dumps(options).encode()


def encode_subscribe(subject: str, number: int) -> bytes:
    """SUB: send what is published to ``subject``, under this number."""
    return b"SUB %b %d\r\n" % (encode_subject(subject), number)


def encode_unsubscribe(number: int) -> bytes:
    """UNSUB: send no more under this number."""
    return b"UNSUB %d\r\n" % number


def encode_publish(subject: str, parts: tuple[bytes, ...], reply: str = "") -> bytes:
    """PUB: a message whose payload is the parts, joined."""
    size = sum(map(len, parts))
    if reply:
        line = b"PUB %b %b %d\r\n" % (encode_subject(subject), encode_subject(reply), size)
    else:
        line = b"PUB %b %d\r\n" % (encode_subject(subject), size)
    return b"".join((line, *parts, b"\r\n"))


def encode_publish_with_headers(
    subject: str, parts: tuple[bytes, ...], headers: Mapping[str, str], reply: str = ""
) -> bytes:
    """HPUB: the same with headers.

    Raises:
        ValueError: a header's name or value would end its line.
    """
    head = encode_headers(headers)
    words = [b"HPUB", encode_subject(subject)]
    if reply:
        words.append(encode_subject(reply))
    size = len(head) + sum(map(len, parts))
    words.append(b"%d %d\r\n" % (len(head), size))
    return b"".join((b" ".join(words), head, *parts, b"\r\n"))


def encode_headers(headers: Mapping[str, str]) -> bytes:
    """The block of headers, with its version line and its end."""
    lines = [HEADERS_BEGIN]
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or not value.isascii() or not value.isprintable():
            raise ValueError(f"{name!r}: {value!r} can't be a header: use printable ASCII")
        lines.append(f"{name}: {value}\r\n".encode("ascii"))
    lines.append(b"\r\n")
    return b"".join(lines)
