from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpResponse


def announce(request, room):
    event = {"type": "chat.message", "text": request.GET["text"]}
    async_to_sync(get_channel_layer().group_send)(f"chat_{room}", event)
    return HttpResponse("announced")
