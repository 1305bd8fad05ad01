"""The Django application."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks


class ChannelsConfig(AppConfig):
    """Registers the system checks, and what tests without Daphne need.

    The management commands come with INSTALLED_APPS.
    """

    name = "channels_bridge"
    verbose_name = "Channels bridge"

    def ready(self) -> None:
        from channels_bridge import live_tests
        from channels_bridge.checks import check_deployment, check_settings

        if live_tests.are_needed():
            live_tests.install()
        checks.register(check_settings)
        checks.register(check_deployment, deploy=True)
