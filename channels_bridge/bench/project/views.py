"""Pages, and sending to a group from where there is no event loop."""

import json

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.common import CommonMiddleware
from django.template import Context, Engine
from django.utils.decorators import decorator_from_middleware

# Here rather than in the settings: views that send to groups are measured without them.
common = decorator_from_middleware(CommonMiddleware)
sessions = decorator_from_middleware(SessionMiddleware)
users = decorator_from_middleware(AuthenticationMiddleware)

TEMPLATE = Engine().from_string(
    "<!doctype html><title>{{ title }}</title><p>Hello {{ user.username }}</p>"
    "<ul>{% for room in rooms %}<li>{{ room|title }}{% endfor %}</ul>"
)
ROOMS = [f"room {number}" for number in range(10)]


def send(group, message):
    event = {"type": "chat.message", "message": message}
    async_to_sync(get_channel_layer().group_send)(group, event)


def send_view(request: HttpRequest) -> HttpResponse:
    send(**json.loads(request.body))
    return HttpResponse(status=204)


@common
def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello")


@common
@sessions
@users
def page_with_session(request: HttpRequest) -> HttpResponse:
    context = Context({"title": "Rooms", "user": request.user, "rooms": ROOMS})
    return HttpResponse(TEMPLATE.render(context))
