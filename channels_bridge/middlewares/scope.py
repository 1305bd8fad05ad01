"""Headers, cookies and session for a connection, and the check of its Origin."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast
from urllib.parse import urlparse

from channels.security.websocket import AllowedHostsOriginValidator, OriginValidator
from django.conf import settings
from django.http import HttpHeaders, parse_cookie

from channels_bridge.native.native_application import CallNext
from channels_bridge.native.websocket import WebSocket
from channels_bridge.project import rejected_origins


class ScopeMiddleware:
    """Adds Django's view of a request to ``websocket.scope``, whose ASGI keys stay as they are.

    Added are:

    - ``HEADERS``: Django's case-insensitive ``HttpHeaders``;
    - ``COOKIES``: a dict;
    - ``session``: the session store of ``SESSION_ENGINE``. It loads when first read, which takes
      the database: use its asynchronous methods. Nothing saves it but ``await session.asave()``.

    As cookies come with connections from any site, a browser's connection is refused with HTTP 403
    when its Origin isn't one of ``ALLOWED_HOSTS``, by the rules of Channels'
    ``AllowedHostsOriginValidator``. But a client without an Origin is let in: it isn't a browser,
    so no other site can be behind it.
    """

    def __init__(self) -> None:
        self._session_store = import_module(settings.SESSION_ENGINE).SessionStore
        # Only the validator's rules are used, so it needs no application.
        self._origins: OriginValidator = AllowedHostsOriginValidator(cast(Any, None))

    async def __call__(self, websocket: WebSocket, call_next: CallNext) -> None:
        headers = decode_headers(websocket.scope["headers"])
        origin = headers.get("Origin")
        if origin is not None and not self._is_allowed(origin):
            rejected_origins.denials.note(origin, self._origins.allowed_origins)
            await websocket.reject(403, "WebSockets from this origin are not allowed\n")
            return
        websocket.scope.update(self._keys(headers))
        await call_next(websocket)

    def _keys(self, headers: HttpHeaders) -> dict[str, Any]:
        cookies = parse_cookie(headers.get("Cookie", ""))
        session = self._session_store(cookies.get(settings.SESSION_COOKIE_NAME))
        return {"HEADERS": headers, "COOKIES": cookies, "session": session}

    def _is_allowed(self, origin: str) -> bool:
        try:
            return self._origins.valid_origin(urlparse(origin))
        except ValueError:  # no URL at all, such as "http://["
            return False


def decode_headers(raw_headers: list[tuple[bytes, bytes]]) -> HttpHeaders:
    """Make ASGI's headers a mapping; values of a repeated name are joined (RFC 9110, 5.3).

    Names with an underscore are left out, as they could pass for ones with a hyphen
    (CVE-2015-0219).
    """
    values: dict[str, list[str]] = {}
    for name, value in raw_headers:
        if b"_" not in name:
            values.setdefault(name.decode("latin1"), []).append(value.decode("latin1"))
    # RFC 6265, 5.4 and RFC 9113, 8.2.3: cookies have a separator of their own.
    joined = {
        name: ("; " if name == "cookie" else ", ").join(found) for name, found in values.items()
    }
    return HttpHeaders(HttpHeaders.to_wsgi_names(joined))
