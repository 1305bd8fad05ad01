"""Formats of access log lines: text, JSON, or a template of the user's."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from channels_bridge.server.errors import StartupError

#: What formats may name, and ``LogRecord.access`` has where it applies:
#:
#: - ``time``: UTC, ISO 8601;
#: - ``event``: ``http``, ``connect``, ``disconnect`` or ``reject``;
#: - ``method``: of a page;
#: - ``path``: as sent, without the query;
#: - ``status``: the HTTP status of a page, or of a rejected handshake;
#: - ``code``: the close code;
#: - ``seconds``: that a page took to be served, or that a WebSocket was open;
#: - ``client``: ``host:port``, or ``-`` on a unix socket;
#: - ``agent``: the ``User-Agent`` header.
FIELDS = ("time", "event", "method", "path", "status", "code", "seconds", "client", "agent")

Fields = dict[str, Any]
Format = Callable[[Fields], str]


def parse_format(text: str) -> Format:
    """Read the value of ``--access-log-format``.

    Args:
        text: ``text``; ``json``, an object a line; or a template for ``str.format()``, such as
            ``{client} {path} {status}``, with ``-`` for what a line lacks.

    Raises:
        StartupError: it is none of these.
    """
    if text in _FORMATS:
        return _FORMATS[text]
    if "{" not in text:  # a word of another server, which would be written as it is
        raise StartupError(
            f"access log format {text!r}: write text, json or a template such as "
            "'{client} {path} {status}'"
        )
    try:
        _fill(text, {})
        _fill(text, {**dict.fromkeys(FIELDS, ""), "status": 200, "code": 1000, "seconds": 1.0})
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        why = f"{error}; its fields are {', '.join(FIELDS)}"
        raise StartupError(f"access log format {text!r}: {why}") from None
    return partial(_fill, text)


def _as_text(fields: Fields) -> str:
    if fields["event"] == "http":
        return "HTTP {method} {path} {status} [{seconds:.3f} s, {client}]".format(**fields)
    number = fields.get("status", fields.get("code"))
    parts = ["WebSocket", fields["event"].upper(), fields["path"], f"[{fields['client']}]"]
    if number is not None:
        parts.append(f"{number:d}")
    if "seconds" in fields:
        parts.append(f"after {fields['seconds']:.3f} s")
    return " ".join(parts)


class _Missing:
    """A hyphen, also where the template expects a number."""

    def __format__(self, spec: str) -> str:
        return "-"

    def __repr__(self) -> str:  # for conversions such as {code!s}
        return "-"


def _fill(text: str, fields: Fields) -> str:
    return text.format_map({**_MISSING, **fields})


_MISSING = dict.fromkeys(FIELDS, _Missing())

_FORMATS: dict[str, Format] = {"text": _as_text, "json": json.dumps}
