"""The Django application."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks


class ChannelsConfig(AppConfig):
    """Registers the system checks; the management commands come with INSTALLED_APPS."""

    name = "channels_bridge"
    verbose_name = "Channels bridge"

    def ready(self) -> None:
        from .checks import check_settings

        checks.register(check_settings)
