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
    user: Any = context.get("user") or getattr(context.get("request"), "user", None)
    return "~".join(position(group, user) for group in groups)
