import os
import threading

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpResponse, JsonResponse
from django.template import engines
from django.urls import path

from channels_bridge.connections import close
from channels_bridge.event_stream import StreamEvent, event_stream
from channels_bridge.history import history

PAGE = """{% load channels_bridge %}{% stream_position "news.local" "news.world" as at %}{{ at }}"""


def render(message):
    """Headlines are for all, breaking news have a type of their own, drafts are for nobody."""
    text = message["text"]
    if text.startswith("draft"):
        return None
    if text.startswith("broken"):
        raise ValueError("this one cannot be rendered")
    return StreamEvent(text, event="breaking") if text.startswith("breaking") else text


async def stream(request):
    return event_stream(request, ["news.local", "news.world"], render, heartbeat=0.5)


def stream_of_a_thread(request):
    """The same, in a view that has used the database in its thread."""
    str(request.user)
    return event_stream(request, ["news.local", "news.world"], render)


def page(request):
    return HttpResponse(engines["django"].from_string(PAGE).render({}, request))


def publish(request, group):
    send = async_to_sync(get_channel_layer().group_send)
    for text in request.GET.getlist("text"):
        send(group, {"type": "news.item", "text": text * int(request.GET.get("times", 1))})
    return HttpResponse("published")


def kept(request, group):
    texts = [kept.message["text"] for kept in history(group, limit=3)]
    return JsonResponse({"texts": texts, "pid": os.getpid(), "threads": threading.active_count()})


def close_all(request, path):
    return HttpResponse(close(path=f"/{path}/"))


urlpatterns = [
    path("close/<str:path>/", close_all),
    path("stream/", stream),
    path("thread/", stream_of_a_thread),
    path("page/", page),
    path("publish/<str:group>/", publish),
    path("kept/<str:group>/", kept),
]
