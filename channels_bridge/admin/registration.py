"""The pages' way into an admin site."""

from __future__ import annotations

from django.contrib.admin import AdminSite

from channels_bridge.admin.connection_admin import ConnectionAdmin
from channels_bridge.admin.group_admin import GroupAdmin
from channels_bridge.admin.models import Connection, Group


def register(site: AdminSite) -> None:
    """Add the pages to an admin site; to the default one this is done by autodiscovery."""
    site.register(Connection, ConnectionAdmin)
    site.register(Group, GroupAdmin)
