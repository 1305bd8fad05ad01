"""Pages by which the group is sent to, and looked at, from outside."""

import os

from channels.layers import get_channel_layer
from django.http import HttpResponse, JsonResponse

from .consumers import GROUP
from .names import count

#: What a message may have in it that is not for every layer.
CONTENTS = {
    "plain": {},
    "a set": {"numbers": {1, 2}},
    "integer keys": {"counts": {1: 2}},
}


async def publish(request):
    """Send to the group; 503 and the error's name when that fails."""
    message = {
        "type": "news",
        "number": int(request.GET["number"]),
        "text": "x" * int(request.GET.get("size", "10")),
        **CONTENTS[request.GET.get("content", "plain")],
    }
    try:
        await get_channel_layer().group_send(GROUP, message)
    except Exception as error:
        return HttpResponse(type(error).__name__, status=503)
    return HttpResponse("sent")


async def names(request):
    """How many names the group has, in this process and in the broker."""
    return JsonResponse({"pid": os.getpid(), **await count(get_channel_layer(), GROUP)})
