"""The Django application of the admin's pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig, apps
from django.core import checks
from django.utils.translation import gettext_lazy as _


class ChannelsAdminConfig(AppConfig):
    """Named apart from Django's own admin, whose label is ``admin``."""

    name = "channels_bridge.admin"
    label = "channels_bridge_admin"
    verbose_name = _("WebSockets")

    def ready(self) -> None:
        checks.register(check_admin)


def check_admin(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Check that there is an admin to show the pages in."""
    return list(_check_installed())


def _check_installed() -> Iterator[checks.CheckMessage]:
    if not apps.is_installed("django.contrib.admin"):
        yield checks.Error(
            'INSTALLED_APPS has "channels_bridge.admin", but not "django.contrib.admin".',
            hint="Install Django's admin, or remove the pages that are for it.",
            id="channels_bridge.E017",
        )
