"""The admin's list of groups, and the page of one with those who are present in it."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from channels_bridge.admin.list_query import MAX_NAME, ListQuery
from channels_bridge.admin.models import Connection
from channels_bridge.admin.presence_panel import look
from channels_bridge.admin.server_page import ServerPageAdmin, may

#: Groups that are listed: the largest.
MOST_GROUPS = 200


class GroupAdmin(ServerPageAdmin):
    """Groups of the running server, and who is present in them."""

    def get_urls(self) -> list[URLPattern]:
        return [
            self.page("", self.changelist_view, "changelist"),
            self.page("<path:object_id>/change/", self.change_view, "change"),
        ]

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the largest of the groups that are searched for."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        query = ListQuery.of(request.GET)
        answer = self.inquire(request, {"top": MOST_GROUPS, "group_search": query.search})
        return self.show(
            request,
            "groups.html",
            answer,
            query=query,
            most_groups=MOST_GROUPS,
            **(extra_context or {}),
        )

    @method_decorator(require_safe)
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one group. There may be nobody in it any more."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        group = unquote(object_id)[:MAX_NAME]
        wanted = {"top": 0, "connections": {"group": group, "limit": 0}}
        answer = self.inquire(request, wanted)
        return self.show(
            request,
            "group.html",
            answer,
            here=group,
            title=gettext("Group %(name)s") % {"name": group},
            group=group,
            presence=look(group) if answer.status is not None else None,
            sees_connections=may(request, "view", Connection._meta),
            **(extra_context or {}),
        )
