"""Messages to groups and channels: for views, tasks, signals, management commands.

::

    from channels_bridge.sending import group_send

    def publish(request, pk):
        ...
        group_send("news", {"type": "news.published", "pk": pk})

Names with an ``a`` in front are for asynchronous code. All of them work with every channel layer.
"""

from __future__ import annotations

from channels_bridge.sending.layer_calls import (
    agroup_send,
    agroup_send_many,
    asend,
    asend_many,
    group_send,
    group_send_many,
    send,
    send_many,
)

__all__ = [
    "agroup_send",
    "agroup_send_many",
    "asend",
    "asend_many",
    "group_send",
    "group_send_many",
    "send",
    "send_many",
]
