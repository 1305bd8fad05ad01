"""Warnings about sites whose pages may not open a WebSocket here, one for each origin.

Channels' ``OriginValidator`` denies with a plain 403 and no word in the log, so that a site missing
in ALLOWED_HOSTS looks like any other refusal (channels#2062), and raises where an origin is not a
URL. ``install()`` gives all validators of the process a voice, unmodified ones too; their rules
stay as they are (Spec deviation: a line in the log, and 403 for what is not a URL).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from math import inf
from typing import Any, cast
from urllib.parse import ParseResult, urlparse

from channels.security.websocket import (
    AllowedHostsOriginValidator,
    OriginValidator,
    WebsocketDenier,
)

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.server.access_log import printable

# Not a logger of this room's own: users filter by the four names that the guide lists.
logger = logging.getLogger("channels_bridge.server")

#: Seconds between two lines. An origin that comes in between has its line another time.
INTERVAL = 1.0

#: Characters of an origin in a line: a host name has up to 253.
MAX_LENGTH = 300

_channels_call = OriginValidator.__call__
_channels_valid_origin = OriginValidator.valid_origin


def install() -> None:
    """Log what any validator of this process denies, and have it deny what isn't an origin."""
    OriginValidator.__call__ = _call  # type: ignore[assignment, method-assign]
    OriginValidator.valid_origin = _valid_origin  # type: ignore[assignment, method-assign]


async def _call(validator: OriginValidator, scope: Any, receive: Any, send: Any) -> None:
    origin = _find_malformed(scope.get("headers", ()))
    if origin is None:
        await _channels_call(validator, scope, receive, send)
    else:
        denials.note(origin, validator.allowed_origins)
        await WebsocketDenier()(scope, receive, send)


def _find_malformed(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the Origin if Channels can't parse it; None where it can, or where there is none."""
    for name, value in headers:
        if name == b"origin":
            origin = value.decode("latin-1")
            try:
                urlparse(origin)
            except ValueError:
                return origin
    return None


def _valid_origin(validator: OriginValidator, origin: ParseResult | None) -> bool:
    try:
        valid = _channels_valid_origin(validator, origin)
    except ValueError:  # its port is none
        valid = False
    if not valid:
        denials.note(None if origin is None else origin.geturl(), validator.allowed_origins)
    return valid


class Denials:
    """Logs denied origins, each of them once."""

    def __init__(self) -> None:
        self._notices = Notices(logger, interval=inf, spacing=INTERVAL)

    def note(self, origin: str | None, allowed: Any) -> None:
        """A handshake was denied.

        Args:
            origin: the header; None where there was none.
            allowed: the patterns that were asked, to say where they are set.
        """
        if self._notices.due(origin) is not None:
            self._log(origin, allowed)

    def _log(self, origin: str | None, allowed: Any) -> None:
        place = "ALLOWED_HOSTS" if _is_allowed_hosts(allowed) else "OriginValidator's origins"
        if origin is None:
            logger.warning(
                "A WebSocket without an Origin header was denied: it is not from a browser. Such "
                "a client can send one, or be let in by '*' in %s",
                place,
            )
            return
        logger.warning(
            "A WebSocket from pages of '%s' was denied: that origin is not in %s. "
            "Add '%s' there if the site is yours",
            printable(origin)[:MAX_LENGTH],
            place,
            printable(_host(origin))[:MAX_LENGTH],
        )


def _host(origin: str) -> str:
    """Return what to add to the setting for an origin.

    Where it has no host, as a sandboxed page's, nothing else helps than to let everybody in.
    """
    with contextlib.suppress(ValueError):  # not a URL at all, such as "http://["
        return urlparse(origin).hostname or "*"
    return "*"


def _is_allowed_hosts(allowed: Any) -> bool:
    """Whether these are the origins that ``AllowedHostsOriginValidator`` finds in settings."""
    return bool(AllowedHostsOriginValidator(cast(Any, None)).allowed_origins == allowed)


denials = Denials()
