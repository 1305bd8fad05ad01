"""The same with pytest-django and pytest-asyncio: each test has an event loop of its own."""

import pytest
from channels.testing import WebsocketCommunicator
from chat.tests import connected
from django.contrib.auth.models import User

from mysite.asgi import application


@pytest.mark.asyncio
@pytest.mark.parametrize("number", range(3))
async def test_message(number):
    member = await connected("/ws/chat/lobby/")
    await member.send_json_to({"message": number})
    assert await member.receive_json_from() == {"message": number}
    # Without a disconnect: the next test's messages don't wait for this one.


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_database():
    communicator = WebsocketCommunicator(application, "/ws/chat/lobby/")
    await communicator.connect()
    await User.objects.acreate(username="ann")
    assert await communicator.receive_json_from() == {"message": "user ann"}
    await communicator.disconnect()
