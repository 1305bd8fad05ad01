"""Registration in the project's default admin site, by the admin's autodiscovery."""

from __future__ import annotations

from django.contrib import admin

from channels_bridge.admin.registration import register

register(admin.site)
