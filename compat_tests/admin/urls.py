"""Two admin sites: the default one, where autodiscovery has put the pages, and one of one's own."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from channels_bridge.admin.registration import register

operations = admin.AdminSite(name="operations")
register(operations)

urlpatterns = [path("admin/", admin.site.urls), path("operations/", operations.urls)]
