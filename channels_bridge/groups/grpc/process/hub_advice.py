"""Advice for those who can't reach the hub."""

from __future__ import annotations

START_HUB = (
    "start it with `manage.py websockets_server` or `manage.py websockets_hub`; if it runs in "
    "another container, set `address` in the layer's CONFIG; as another user or on another "
    "machine, use NatsChannelLayer"
)
FIND_STUCK = (
    "it or another process of the project is stuck, or too slow; the server's log and "
    "`manage.py websockets_status` say which"
)
