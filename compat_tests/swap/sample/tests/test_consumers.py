"""The consumers one by one, through communicators."""

import asyncio
from unittest import mock

import pytest
from channels.layers import InMemoryChannelLayer, channel_layers, get_channel_layer
from channels.testing import ApplicationCommunicator, HttpCommunicator, WebsocketCommunicator
from channels.worker import Worker
from desk.asgi import application
from desk.consumers import ExportConsumer, StaffConsumer, TicketsConsumer
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser

ORIGIN = [(b"origin", b"http://desk.example"), (b"host", b"desk.example")]


@pytest.fixture(autouse=True)
async def layer():
    """A layer of its own for each test."""
    old = channel_layers.set("default", channel_layers.make_test_backend("default"))
    yield get_channel_layer()
    channel_layers.set("default", old)


async def connect(path, **options):
    communicator = WebsocketCommunicator(application, path, headers=ORIGIN, **options)
    connected, subprotocol = await communicator.connect()
    assert connected
    return communicator, subprotocol


async def test_follows_tickets():
    """One socket gets what belongs to its tickets, and what is for all."""
    first, subprotocol = await connect("/ws/tickets/", subprotocols=["other", "tickets.v1"])
    second, _ = await connect("/ws/tickets/")
    assert subprotocol == "tickets.v1"
    for ticket in (1, 2):
        await first.send_json_to({"do": "follow", "ticket": ticket})
    assert await first.receive_json_from() == {"ticket": 1, "followed": [1]}
    assert await first.receive_json_from() == {"ticket": 2, "followed": [1, 2]}
    await second.send_json_to({"do": "comment", "ticket": 2, "text": "hello"})
    assert await first.receive_json_from() == {"ticket": 2, "comment": "hello"}
    await first.send_json_to({"do": "leave", "ticket": 2})
    assert await first.receive_json_from() == {"ticket": 2, "followed": [1]}
    await second.send_json_to({"do": "comment", "ticket": 2, "text": "anyone?"})
    await second.send_json_to({"do": "close", "ticket": 2})
    for communicator in (first, second):
        assert await communicator.receive_json_from() == {"closed": 2}
        assert await communicator.receive_nothing()
        await communicator.disconnect()


async def test_leaves_groups(layer):
    """A socket that is gone is in no group."""
    communicator, _ = await connect("/ws/tickets/")
    await communicator.send_json_to({"do": "follow", "ticket": 1})
    await communicator.receive_json_from()
    await communicator.disconnect()
    assert not layer.groups.get("desk")
    assert not layer.groups.get("ticket.1")


async def test_foreign_origin():
    """Other sites' pages are refused."""
    headers = [(b"origin", b"http://evil.example")]
    communicator = WebsocketCommunicator(application, "/ws/tickets/", headers=headers)
    assert await communicator.connect() == (False, 1000)


async def test_no_route():
    """A path without a consumer is an error of the router."""
    communicator = WebsocketCommunicator(application, "/ws/nothing/", headers=ORIGIN)
    with pytest.raises(ValueError, match="No route found for path 'ws/nothing/'"):
        # Channels says so only at the end of its patience.
        await communicator.connect(timeout=2)


@pytest.mark.django_db(transaction=True)
async def test_logs_in_and_out():
    """Logging in lasts until logging out."""
    await get_user_model().objects.acreate_user("ann", password="secret")
    communicator, _ = await connect("/ws/account/")
    for message, name in [
        ({}, ""),
        ({"name": "ann", "password": "secret"}, "ann"),
        ({}, "ann"),
        ({"logout": True}, ""),
    ]:
        await communicator.send_json_to(message)
        assert await communicator.receive_json_from(5) == {"name": name}
    await communicator.send_json_to({"name": "ann", "password": "guess"})
    assert "error" in await communicator.receive_json_from()
    assert (await communicator.receive_output())["code"] == 4001
    await communicator.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_staff_only():
    """The consumer denies whoever isn't staff, and counts accounts for those who are."""
    staff = await get_user_model().objects.acreate_user("boss", is_staff=True)
    for user, connected in ((AnonymousUser(), False), (staff, True)):
        communicator = WebsocketCommunicator(StaffConsumer.as_asgi(), "/")
        communicator.scope["user"] = user
        assert (await communicator.connect())[0] is connected
    assert communicator.response_headers == [(b"x-desk", b"staff")]
    assert await communicator.receive_from() == "1 accounts"
    await communicator.disconnect()


async def test_patched_layer():
    """A layer that is patched into the consumers' module is the one they use."""
    layer = InMemoryChannelLayer()
    with mock.patch("channels.consumer.get_channel_layer", return_value=layer) as patched:
        communicator, _ = await connect("/ws/tickets/")
    patched.assert_called_once_with(TicketsConsumer.channel_layer_alias)
    assert len(layer.groups["desk"]) == 1
    await communicator.disconnect()


async def test_patched_housekeeping():
    """So is what they close database connections with."""
    with mock.patch("channels.consumer.aclose_old_connections") as patched:
        communicator, _ = await connect("/ws/tickets/")
    patched.assert_awaited_once_with()
    await communicator.disconnect()


async def test_export():
    """A page of three parts."""
    response = await HttpCommunicator(
        ExportConsumer.as_asgi(), "POST", "/export/?2", body=b"x"
    ).get_response()
    assert response["status"] == 200
    assert response["headers"] == [(b"Content-Type", b"text/csv")]
    assert response["body"] == b"0,x\n1,x\nend\n"


async def test_long_poll(layer):
    """A page that ends when something happens."""
    communicator = HttpCommunicator(application, "GET", "/wait/")
    await communicator.send_input({"type": "http.request"})
    assert (await communicator.receive_output())["type"] == "http.response.start"
    assert (await communicator.receive_output())["more_body"]
    await layer.group_send("desk", {"type": "desk.closed", "ticket": 5})
    last = await communicator.receive_output()
    assert (last["body"], last["more_body"]) == (b"5\n", False)


async def follow(ticket):
    communicator, _ = await connect("/ws/tickets/")
    await communicator.send_json_to({"do": "follow", "ticket": ticket})
    await communicator.receive_json_from()
    return communicator


async def end(*tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_worker_alone():
    """A worker tells a ticket's followers what it did."""
    communicator = await follow(3)
    worker = ApplicationCommunicator(application, {"type": "channel", "channel": "mail"})
    await worker.send_input({"type": "mail.send", "ticket": 3})
    assert await communicator.receive_json_from() == {"ticket": 3, "comment": "mailed"}
    await communicator.disconnect()
    await end(worker.future)


async def test_workers(layer):
    """What runworker runs takes messages from the layer to its workers, of either kind."""
    communicator = await follow(4)
    before = asyncio.all_tasks()
    running = asyncio.ensure_future(Worker(application, ["mail", "print"], layer).handle())
    await layer.send("mail", {"type": "mail.send", "ticket": 4})
    assert await communicator.receive_json_from() == {"ticket": 4, "comment": "mailed"}
    with pytest.warns(UserWarning, match="non-async-marked callable"):  # by the worker, of asgiref
        await layer.send("print", {"type": "print.ticket", "ticket": 4})
        assert await communicator.receive_json_from() == {"ticket": 4, "comment": "printed"}
    await communicator.disconnect()
    await end(running, *asyncio.all_tasks() - before)
