"""Logging in and out over a WebSocket."""

import json

from channels.auth import get_user, login, logout
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer


class AccountConsumer(AsyncWebsocketConsumer):
    """Logs out, or in whoever is named; then says who it is, by scope and by session."""

    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "nobody":
            await logout(self.scope)
        elif text_data != "who?":
            await login(self.scope, await find_user(text_data))
            await database_sync_to_async(self.scope["session"].save)()
        users = [self.scope["user"], await get_user(self.scope)]
        names = [user.get_username() for user in users]
        await self.send(json.dumps([*names, self.scope["session"].session_key]))


@database_sync_to_async
def find_user(name):
    from django.contrib.auth.models import User

    return User.objects.get(username=name)
