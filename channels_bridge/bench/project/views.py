"""Sending to a group from where there is no event loop."""

import json

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpRequest, HttpResponse


def send(group, message):
    event = {"type": "chat.message", "message": message}
    async_to_sync(get_channel_layer().group_send)(group, event)


def send_view(request: HttpRequest) -> HttpResponse:
    send(**json.loads(request.body))
    return HttpResponse(status=204)
