"""Template tags of this package: ``{% load channels_bridge %}``."""

from __future__ import annotations

from typing import Any

from django.template import Context, Library

from channels_bridge.history import position

register = Library()


@register.simple_tag(takes_context=True)
def stream_position(context: Context, *groups: str) -> str:
    """Write where groups are now, for ``ResumableSocket``'s ``from``, or an event stream's.

    It stands in the page before what is shown of the groups, and is for the user of the request,
    where the template has one (``request``, or ``user``).
    """
    # Not the variable ``user`` first: in a page about somebody, views call that one so.
    request: Any = context.get("request") or getattr(context, "request", None)
    user: Any = request.user if hasattr(request, "user") else context.get("user")
    return "~".join(position(group, user) for group in groups)
