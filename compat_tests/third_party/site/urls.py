"""A page that says something in the room."""

from django.http import HttpResponse
from django.urls import path

from channels_bridge.sending import group_send


def say(request, type, text):
    group_send("room", {"type": f"room.{type}", "text": text})
    return HttpResponse("said")


urlpatterns = [path("say/<str:type>/<str:text>/", say)]
