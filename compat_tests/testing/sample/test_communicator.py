"""The communicator's fixture, with that of the layer."""

import gc
import os

import pytest
from shop.asgi import Counter, application

#: As the way wants it that async tests are run in.
marks = filter(None, [os.environ["SHOP_MARK"]])
pytestmark = [pytest.mark.usefixtures("channels_layer"), *(getattr(pytest.mark, m) for m in marks)]


async def test_talk(channels_communicator):
    """Two clients of a group, through the project's own routes."""
    one = channels_communicator(application, "/counter/1/", subprotocols=["b", "a"])
    two = channels_communicator(application, "counter/2/?page=1", headers=[(b"host", b"shop")])
    assert await one.connect() == (True, "b")
    assert await two.connect() == (True, None)
    assert (b"sec-websocket-protocol", b"b") in one.response_headers
    assert (b"host", b"shop") in two.scope["headers"]
    assert two.scope["query_string"] == b"page=1"
    await one.send_json_to("tea")
    assert not await two.receive_nothing(timeout=5)
    for client in (one, two):
        assert await client.receive_json_from() == ["tea", "/counter/1/"]
    assert await two.receive_nothing()
    await one.disconnect()
    await two.disconnect()


async def test_run_loop(channels_communicator):
    """Consumers are on the server's run loop, which gives them an inbox."""
    client = channels_communicator(application, "/counter/1/")
    await client.connect()
    assert "channels_bridge" in str(client.scope["extensions"])
    await client.disconnect()


async def test_thread(channels_communicator):
    """A synchronous consumer sends to its group from its thread."""
    client = channels_communicator(application, "/clerk/")
    await client.connect()
    await client.send_to(text_data="tea")
    assert await client.receive_from() == "tea"
    await client.disconnect()


async def test_layer(channels_communicator, channels_layer):
    """The test itself may send to groups, and be in them."""
    client = channels_communicator(application, "/counter/1/")
    await client.connect()
    mine = await channels_layer.new_channel()
    await channels_layer.group_add("customers", mine)
    await channels_layer.group_send("customers", {"type": "news", "content": "closing"})
    assert await client.receive_json_from() == "closing"
    assert (await channels_layer.receive(mine))["content"] == "closing"
    await client.disconnect()


async def test_scope(channels_communicator):
    """What a middleware would have put into the scope, the test puts there. A refusal is a 403."""
    client = channels_communicator(application, "/counter/1/")
    client.scope["user"] = "thief"
    assert await client.connect() == (False, 403)
    await client.disconnect()


async def test_close(channels_communicator):
    """The client gets the close code; a test that wants a message fails."""
    client = channels_communicator(application, "/counter/1/")
    await client.connect()
    await client.send_json_to("bye")
    with pytest.raises(AssertionError, match="4001"):
        await client.receive_from()
    assert (await client.receive_output())["code"] == 4001
    await client.disconnect()


async def test_error(channels_communicator):
    """What the application raises comes out where the test waits, whatever it waits for."""
    client = channels_communicator(application, "/counter/1/")
    await client.connect()
    await client.send_json_to("fail")
    with pytest.raises(LookupError, match="out of stock"):
        await client.receive_from()
    await client.disconnect()
    with pytest.raises(ValueError, match="No route"):
        await channels_communicator(application, "/nowhere/").connect()


async def test_error_at_the_end(channels_communicator):
    """At the latest where the client leaves."""
    client = channels_communicator(Counter.as_asgi(), "/")
    await client.connect()
    await client.send_json_to("fail")
    with pytest.raises(LookupError, match="out of stock"):
        await client.disconnect()


async def test_left_open(channels_communicator):
    """A client that is left open disturbs no other test."""
    await channels_communicator(application, "/counter/1/").connect()


async def test_nothing_left():
    """Nothing of it is left either, which would be warned of now."""
    gc.collect()
