"""Consumers that note what happens to them, for others to build on."""

from __future__ import annotations

from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

from compat_tests.differences.recording import note


class Noting(AsyncWebsocketConsumer):
    async def disconnect(self, code):
        note("events", ["disconnect()", code])


class SyncNoting(WebsocketConsumer):
    def disconnect(self, code):
        note("events", ["disconnect()", code])
