"""Who is in a group: for views, templates, management commands and consumers.

::

    from channels_bridge.presence import members

    def room(request, name):
        return render(request, "room.html", {"people": members(f"chat.{name}")})

Which groups there are, and who a connection is, ``presence`` in the layer's ``CONFIG`` says.
"""

from __future__ import annotations

from channels_bridge.groups.presence.roll import Present
from channels_bridge.presence.group_presence import acount, amembers, count, members

__all__ = ["Present", "acount", "amembers", "count", "members"]
