"""The base of the pages: a read-only ``ModelAdmin`` of a model without a table."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import django
from django.contrib import admin
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.auth import get_permission_codename
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext

from channels_bridge.admin.running_server import Answer, inquire
from channels_bridge.server.child.questions import Message

if TYPE_CHECKING:
    from django.db.models import Model

    ModelAdmin = admin.ModelAdmin[Model]
else:
    ModelAdmin = admin.ModelAdmin


class ServerPageAdmin(ModelAdmin):
    """Shows what a running server says; adds, changes and deletes nothing."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def inquire(self, request: HttpRequest, question: Message) -> Answer:
        """Ask the server that the request names, or the only one that runs."""
        return inquire(_chosen_server(request) or "", question)

    def show(
        self, request: HttpRequest, template: str, answer: Answer, here: str = "", **context: Any
    ) -> TemplateResponse:
        """Render a page; where there is no status it says why.

        Args:
            here: the page's name among the breadcrumbs, behind the list's; empty for the list.
        """
        request.current_app = self.admin_site.name
        server = _chosen_server(request)
        if answer.status is not None:
            context["connections_open"] = sum(
                worker.get("connections", 0) for worker in answer.status["workers"]
            )
        return TemplateResponse(
            request,
            f"channels_bridge_admin/{template}",
            {
                **self.admin_site.each_context(request),
                "title": capfirst(self.opts.verbose_name_plural),
                "list_url": self.list_url(request),
                "crumbs": list(self._crumbs(request, here)),
                "crumbs_are_list": django.VERSION >= (6, 1),
                "opts": self.opts,
                "answer": answer,
                "host": platform.node(),
                "server": server,
                "server_query": f"?{urlencode({'server': server})}" if server else "",
                "preserved_filters": self.get_preserved_filters(request),
                **context,
            },
        )

    def list_url(self, request: HttpRequest) -> str:
        """Return where the list is, as it was when somebody left it."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        url = reverse(name, current_app=self.admin_site.name)
        filters: Any = {"preserved_filters": self.get_preserved_filters(request), "opts": self.opts}
        return add_preserved_filters(filters, url)

    def _crumbs(self, request: HttpRequest, here: str) -> Iterator[tuple[str, str]]:
        """Yield texts, and where they lead; the last one leads nowhere."""
        app, site = self.opts.app_config, self.admin_site.name
        yield gettext("Home"), reverse("admin:index", current_app=site)
        yield str(app.verbose_name), reverse("admin:app_list", args=[app.label], current_app=site)
        list_name = capfirst(str(self.opts.verbose_name_plural))
        yield list_name, self.list_url(request) if here else ""
        if here:
            yield here, ""

    def page(self, route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        """Make a route to a view, which only staff reach, under a name as the admin has them."""
        full_name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        return path(route, self.admin_site.admin_view(view), name=full_name)


def _chosen_server(request: HttpRequest) -> str | None:
    """Return which of several servers was chosen, on this page or on the list that led here."""
    of_list = QueryDict(request.GET.get("_changelist_filters", ""))
    return request.GET.get("server") or of_list.get("server") or None


def may(request: HttpRequest, action: str, opts: Any) -> bool:
    """Whether a request's user has a permission, such as ``view``, for objects of a model."""
    return request.user.has_perm(f"{opts.app_label}.{get_permission_codename(action, opts)}")
