"""The response of a view that is an event stream, and what it asks of its arguments."""

from __future__ import annotations

from collections.abc import Iterable

from channels import DEFAULT_CHANNEL_LAYER
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseNotAllowed, StreamingHttpResponse
from django.http.response import HttpResponseBase

from channels_bridge.event_stream.group_stream import HEARTBEAT, Render
from channels_bridge.event_stream.stream_body import StreamBody
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.transport import require_own_layer

#: Groups of one stream: each event has the positions of all of them.
MAX_GROUPS = 20

_HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    # nginx would collect events until they fill a buffer.
    "X-Accel-Buffering": "no",
    # So would Django's GZipMiddleware, which leaves encoded responses alone.
    "Content-Encoding": "identity",
}


def event_stream(
    request: HttpRequest,
    groups: Iterable[str],
    render: Render,
    *,
    heartbeat: float = HEARTBEAT,
    alias: str = DEFAULT_CHANNEL_LAYER,
) -> HttpResponseBase:
    """Return a response that streams what is sent to groups until its client has left.

    Call it in any view, asynchronous or not. Anything but GET is answered 405.

    Args:
        groups: their names, at most 20. Clients are not told them.
        render: makes of a message what the client gets: a text, a ``StreamEvent``, which has a
            type as well, or None. Called in order; it may be asynchronous, and has to be where it
            uses the database. Where it raises an exception, that is logged, and the client told.
        heartbeat: seconds after which a quiet stream shows that it is there.
        alias: of the channel layer.

    Raises:
        ImproperlyConfigured: the request came over WSGI, or the layer isn't one of this package.
        TypeError, ValueError: these are no groups, or too many.
    """
    layer = require_own_layer("event_stream()", alias)
    request = getattr(request, "_request", request)  # Django REST framework's is a wrapper
    if not isinstance(request, ASGIRequest):
        raise ImproperlyConfigured(
            "event_stream() needs an ASGI server, such as websockets_server: this request came "
            "over WSGI. In tests use AsyncClient or AsyncRequestFactory"
        )
    names = _valid(layer, groups)
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    body = StreamBody(layer, request, names, render, heartbeat)
    return StreamingHttpResponse(body, content_type="text/event-stream", headers=_HEADERS)


def _valid(layer: BridgeChannelLayer, groups: Iterable[str]) -> list[str]:
    if isinstance(groups, (str, bytes)):
        raise TypeError(f"groups must be a list of names, not {groups!r}: write [{groups!r}]")
    names = list(dict.fromkeys(groups))
    if not 0 < len(names) <= MAX_GROUPS:
        raise ValueError(f"a stream is of 1 to {MAX_GROUPS} groups, not of {len(names)}")
    for name in names:
        layer.require_valid_group_name(name)
    return names
