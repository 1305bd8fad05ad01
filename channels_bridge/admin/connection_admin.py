"""The admin's list of connections, and the page that closes one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from channels_bridge.admin.close_form import CloseForm
from channels_bridge.admin.list_query import ListQuery
from channels_bridge.admin.models import Connection, Group
from channels_bridge.admin.running_server import Answer
from channels_bridge.admin.server_page import ServerPageAdmin, may
from channels_bridge.admin.user_names import keys_like, names_of
from channels_bridge.server.child.questions import Message
from channels_bridge.server.connection_order import MOST_LISTED

#: As a worker makes them.
ID = re.compile("[0-9a-f]{16}")

ORDER_NAMES = {
    "newest": _("newest first"),
    "oldest": _("oldest first"),
    "slowest": _("slowest first"),
}


class ConnectionAdmin(ServerPageAdmin):
    """Connections of the running server; ``close_connection`` permits to close them."""

    def get_urls(self) -> list[URLPattern]:
        return [
            self.page("", self.changelist_view, "changelist"),
            self.page("<str:object_id>/close/", self.close_view, "close"),
        ]

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Whether the request's user may close connections."""
        return may(request, "close", self.opts)

    # The list

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the connections that are searched for, a page of them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        query = ListQuery.of(request.GET)
        named = keys_like(query.search) if query.search and _sees_users(request) else []
        answer = self.inquire(request, query.question(named))
        context: dict[str, Any] = {"query": query, "order_names": ORDER_NAMES}
        if answer.status is not None and "connections" in answer.status:
            context |= self._listed(request, query, answer.status["connections"])
        return self.show(request, "connections.html", answer, **context, **(extra_context or {}))

    def _listed(self, request: HttpRequest, query: ListQuery, listed: Message) -> dict[str, Any]:
        return {
            "rows": self._rows(request, query.rows(listed)),
            "matching": listed["matching"],
            "pages": query.pages(listed),
            "most_listed": MOST_LISTED if listed["matching"] > MOST_LISTED else None,
            "may_close": self.has_close_permission(request),
            "sees_groups": may(request, "view", Group._meta),
        }

    def _rows(self, request: HttpRequest, rows: list[Message]) -> list[Message]:
        keys = [row["user"] for row in rows if row.get("user")]
        names = names_of(keys) if keys and _sees_users(request) else {}
        return [self._row(row, names) for row in rows]

    def _row(self, row: Message, names: dict[str, str]) -> Message:
        """Add to a row what only this process knows."""
        groups = row.get("groups", ())
        user = row.get("user")
        name = names.get(user or "")
        return {
            **row,
            "open_for": str(timedelta(seconds=round(row["seconds"]))),
            "user_name": name or user,
            "user_url": self._user_url(user) if name and user else None,
            "more_groups": max(0, row.get("in_groups", 0) - len(groups)),
        }

    def _user_url(self, key: str) -> str | None:
        opts = get_user_model()._meta
        name = f"admin:{opts.app_label}_{opts.model_name}_change"
        try:
            return reverse(name, args=[quote(key)], current_app=self.admin_site.name)
        except NoReverseMatch:  # users are looked after elsewhere
            return None

    # Closing one

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def close_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether to close a connection, and close it."""
        if not (self.has_view_permission(request) and self.has_close_permission(request)):
            raise PermissionDenied
        if not ID.fullmatch(object_id):
            raise Http404
        form = CloseForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            return self._close(request, object_id, **form.cleaned_data)
        wanted = {"top": 0, "connections": {"id": object_id, "limit": 1}}
        answer = self.inquire(request, wanted)
        rows = (answer.status or {}).get("connections", {}).get("rows", [])
        if answer.status is not None and not rows:
            return self._back(request, messages.WARNING, self._why_none(answer.status))
        return self._ask(request, answer, rows, form)

    def _ask(
        self, request: HttpRequest, answer: Answer, rows: list[Message], form: CloseForm
    ) -> HttpResponse:
        return self.show(
            request,
            "close.html",
            answer,
            details=[detail for row in self._rows(request, rows) for detail in _details(row)],
            form=form,
            here=gettext("Close"),
            title=gettext("Close a connection"),
        )

    def _close(self, request: HttpRequest, object_id: str, code: int, reason: str) -> HttpResponse:
        closing = {"id": object_id, "code": code, "reason": reason}
        answer = self.inquire(request, {"top": 0, "close": closing})
        if answer.status is None:
            return self._ask(request, answer, [], CloseForm())
        for row in answer.status.get("closed", ()):
            closed = _connection(row)
            self._log(request, closed, gettext("Closed with code %(code)d."), code, reason)
            text = gettext("The connection “%(connection)s” was closed with code %(code)d.")
            text %= {"connection": closed, "code": code}
            return self._back(request, messages.SUCCESS, text)
        if answer.status.get("silent"):
            text = gettext("To be closed with code %(code)d, but a worker did not answer.")
            self._log(request, Connection(id=object_id), text, code, reason)
        return self._back(request, messages.WARNING, self._why_none(answer.status))

    def _log(
        self, request: HttpRequest, closed: Connection, text: str, code: int, reason: str
    ) -> None:
        """Write it into the admin's log, as whatever is deleted in the admin."""
        message = f"{text % {'code': code}} {reason}".rstrip()
        user: Any = request.user
        LogEntry.objects.log_actions(
            user.pk, [closed], DELETION, change_message=message, single_object=True
        )

    def _why_none(self, status: Message) -> str:
        """Say why there is no such connection, or none that was closed."""
        if "silent" not in status:
            return gettext(
                "The server was started with another release, which knows nothing of single "
                "connections. Restart it."
            )
        if silent := status["silent"]:
            text = ngettext(
                "It is not known whether there is such a connection: worker %(numbers)s does not "
                "answer.",
                "It is not known whether there is such a connection: workers %(numbers)s do not "
                "answer.",
                len(silent),
            )
            return text % {"numbers": ", ".join(map(str, silent))}
        return gettext(
            "That connection is not there. It has ended by itself, or it is another server’s."
        )

    def _back(self, request: HttpRequest, level: int, text: str) -> HttpResponse:
        """Go back to the list, as it was, with a message."""
        self.message_user(request, text, level)
        return HttpResponseRedirect(self.list_url(request))


def _sees_users(request: HttpRequest) -> bool:
    return may(request, "view", get_user_model()._meta)


def _details(row: Message) -> Iterator[tuple[str, Any]]:
    """Yield what the page that closes a connection shows of it."""
    yield gettext("Connection"), row["id"]
    yield gettext("User"), row["user_name"]
    yield gettext("Path"), row["path"]
    yield gettext("Client"), row["client"]
    yield gettext("Channel"), row.get("channel")
    yield gettext("Open for"), row["open_for"]


def _connection(row: Message) -> Connection:
    """Make what stands for a connection in the admin's log."""
    about = f"{row['path']} {row['client']}"
    if row.get("user"):
        about += f", {gettext('user')} {row['user']}"
    return Connection(id=row["id"], about=about)
