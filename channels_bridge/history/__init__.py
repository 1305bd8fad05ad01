"""What was said in a group, and where a page is in it: for views, templates, commands, consumers.

::

    from channels_bridge.history import position

    def room(request, name):
        at = position(f"chat.{name}", user=request.user)  # first, then what the page shows
        messages = Message.objects.filter(room=name)
        return render(request, "room.html", {"at": at, "messages": messages})

The page's socket begins there, so what is said before it is open comes, too.
"""

from __future__ import annotations

from channels_bridge.history.group_history import ahistory, aposition, history, position

__all__ = ["ahistory", "aposition", "history", "position"]
