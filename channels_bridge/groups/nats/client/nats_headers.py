"""The headers of a message, and the status that they may begin with. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

#: The status of what a node sends when nobody has subscribed to what was asked.
NO_RESPONDERS = 503


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request.

    Attributes:
        payload: what it carries.
        status: a node's, such as 503: there are no responders. None when a client answered.
        description: of the status, in a node's words; empty without one.
        headers: by name, as they were written; of those with one name the last.
        reply: the subject on which an answer to this is expected; empty when none is.
    """

    payload: bytes
    status: int | None = None
    description: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    reply: str = ""


def read_reply(headers: bytes, payload: bytes, reply: bytes) -> Reply:
    """Make a reply of a message; headers that can't be read are left out."""
    subject = reply.decode("ascii", "replace")
    if not headers:
        return Reply(payload, reply=subject)
    first, *lines = headers.decode("utf-8", "replace").split("\r\n")
    status, description = read_status(first)
    return Reply(payload, status, description, read_headers(lines), subject)


def read_status(line: str) -> tuple[int | None, str]:
    """Status and description of a line such as ``NATS/1.0 503 No Responders``."""
    words = line.split(None, 2)
    if len(words) < 2 or not (words[1].isascii() and words[1].isdigit() and len(words[1]) < 9):
        return None, ""
    return int(words[1]), words[2].strip() if len(words) > 2 else ""


def read_headers(lines: list[str]) -> dict[str, str]:
    """Names and values of lines such as ``Nats-Msg-Id: 7``."""
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name] = value.strip()
    return headers
