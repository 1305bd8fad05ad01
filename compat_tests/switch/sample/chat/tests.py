"""As people write them, with Channels' own tools: nothing here knows of channels_bridge."""

import threading

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.test import Client, TestCase, TransactionTestCase

from mysite.asgi import application


async def connected(path):
    communicator = WebsocketCommunicator(application, path)
    assert (await communicator.connect())[0]
    return communicator


class AsyncTests(TestCase):
    """Consumers with one another and with views, in one event loop."""

    async def test_two_members_hear_each_other(self):
        one, two = await connected("/ws/chat/lobby/"), await connected("/ws/sync/lobby/")
        for sender in (one, two):
            await sender.send_json_to({"message": "hello"})
            for member in (one, two):
                self.assertEqual(await member.receive_json_from(), {"message": "hello"})
        await one.disconnect()
        await two.send_json_to({"message": "alone"})
        self.assertEqual(await two.receive_json_from(), {"message": "alone"})
        self.assertTrue(await two.receive_nothing())
        await two.disconnect()

    async def test_messages_from_outside(self):
        member = await connected("/ws/chat/lobby/")
        await self.async_client.get("/announce/lobby/", {"text": "from a view"})
        await get_channel_layer().group_send("chat_lobby", {"type": "chat.message", "text": "b"})
        for text in ("from a view", "b"):
            self.assertEqual(await member.receive_json_from(), {"message": text})
        await member.disconnect()


class SyncTests(TestCase):
    """The layer from synchronous code."""

    def test_signal(self):
        user = User.objects.create_user("ann")
        user.delete()

    def test_channel(self):
        layer = get_channel_layer()
        channel = async_to_sync(layer.new_channel)()
        async_to_sync(layer.group_add)("chat_lobby", channel)
        User.objects.create_user("ann")
        message = async_to_sync(layer.receive)(channel)
        self.assertEqual(message, {"type": "chat.message", "text": "user ann"})


class ThreadTests(TransactionTestCase):
    """The layer from several threads at once."""

    def test_threads(self):
        @async_to_sync
        async def member():
            communicator = await connected("/ws/chat/lobby/")
            joined.set()
            for _ in range(3):
                heard.append(await communicator.receive_json_from(timeout=10))
            await communicator.disconnect()

        heard, joined = [], threading.Event()
        listener = threading.Thread(target=member)
        listener.start()
        self.assertTrue(joined.wait(10))
        for text in ("a", "b", "c"):
            sender = threading.Thread(target=Client().get, args=[f"/announce/lobby/?text={text}"])
            sender.start()
            sender.join()
        listener.join(10)
        self.assertEqual(heard, [{"message": text} for text in "abc"])
