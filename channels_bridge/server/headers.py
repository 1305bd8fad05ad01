"""Response headers of an application: from ASGI's bytes to the text that websockets writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2: token
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")  # RFC 9110, 5.5: no control characters


def decode_headers(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[str, str]]:
    """Check and decode header pairs.

    Raises:
        ValueError: a name or value that would break the response apart.
    """
    for name, value in headers:
        if not _NAME.fullmatch(name):
            raise ValueError(f"invalid header name {name!r}")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"invalid value of header {name!r}")
        yield name.decode("ascii"), value.decode("latin-1")
