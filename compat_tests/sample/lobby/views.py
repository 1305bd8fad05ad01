import asyncio
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth import authenticate, login, logout
from django.http import HttpResponse, HttpResponseForbidden, StreamingHttpResponse
from django.views.decorators.http import require_POST


def index(request):
    return HttpResponse(f"Welcome, {request.user or 'stranger'}")


def echo(request):
    """The request's body, with its method and query in headers."""
    response = HttpResponse(request.body, content_type="application/octet-stream")
    response["X-Method"] = request.method
    response["X-Query"] = request.META["QUERY_STRING"]
    return response


async def numbers():
    for number in range(1000):
        yield f"{number}\n"


def stream(request):
    return StreamingHttpResponse(numbers(), content_type="text/plain")


async def feed():
    yield "data: hello\n\n"
    await asyncio.Event().wait()


def events(request):
    """An event stream, which has no end."""
    return StreamingHttpResponse(feed(), content_type="text/event-stream")


def crash(request):
    raise RuntimeError("the crash view crashed")


@require_POST
def log_in(request):
    """Log a user in by name and password."""
    user = authenticate(request, **request.POST.dict())
    if user is None:
        return HttpResponseForbidden("wrong name or password")
    login(request, user)
    return HttpResponse(f"Hello, {user}")


@require_POST
def log_out(request):
    logout(request)
    return HttpResponse("Goodbye")


def publish(request, group):
    """Send `?text=` to a group from a synchronous view."""
    send = async_to_sync(get_channel_layer().group_send)
    send(group, {"type": "room.message", "text": request.GET["text"]})
    return HttpResponse("sent")


async def apublish(request, group):
    """Send `?text=` to a group from an asynchronous view."""
    layer = get_channel_layer()
    await layer.group_send(group, {"type": "room.message", "text": request.GET["text"]})
    return HttpResponse("sent")


async def publish_from_threads(request, group):
    """Send `?text=` to a group from threads for which the event loop is blocked."""
    send = async_to_sync(get_channel_layer().group_send)
    message = {"type": "room.message", "text": request.GET["text"]}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, [group] * 8, [message] * 8))
    return HttpResponse("sent")
