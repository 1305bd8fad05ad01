"""The Django application: system checks, and support for tests without Daphne."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks


class ChannelsConfig(AppConfig):
    """Registers the system checks, and the import hook for live tests without Daphne.

    The management commands come with INSTALLED_APPS.
    """

    name = "channels_bridge"
    verbose_name = "Channels bridge"

    def ready(self) -> None:
        from channels_bridge.checks import check_settings
        from channels_bridge.project import live_test_hook
        from channels_bridge.project.advice.deployment_checks import check_deployment

        if live_test_hook.are_needed():
            live_test_hook.install()
        checks.register(check_settings)
        checks.register(check_deployment, deploy=True)
