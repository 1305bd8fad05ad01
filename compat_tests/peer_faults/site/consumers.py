"""A consumer as in the Channels tutorial, which also does what no consumer should when asked to."""

import asyncio
import json
import os
import time

from channels.generic.websocket import AsyncJsonWebsocketConsumer

GROUP = "news"

# Open all the time: there may be no descriptor left when it is written to.
JOURNAL = open(os.environ["FAULTS_JOURNAL"], "ab", buffering=0)


class MemberConsumer(AsyncJsonWebsocketConsumer):
    """In the group; passes on what it gets."""

    async def connect(self):
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()
        await self.send_json({"pid": os.getpid(), "channel": self.channel_name})

    async def disconnect(self, code):
        record(channel=self.channel_name, code=code)
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def receive_json(self, content):
        await getattr(self, content["do"])(content)

    async def news(self, event):
        await self.send_json({"number": event["number"], "text": event["text"]})

    async def echo(self, content):
        await self.send_json({"echo": content["echo"]})

    async def ignore(self, content):
        """Do nothing with it."""

    async def wait(self, content):
        """Be busy, as with a slow service."""
        await asyncio.sleep(content["seconds"])

    async def block(self, content):
        """Block the event loop, as with a slow service and a library that knows no asyncio."""
        time.sleep(content["seconds"])  # noqa: ASYNC251

    async def fail(self, content):
        raise RuntimeError("a bug")


def record(**details):
    """Write down that `disconnect()` ran."""
    JOURNAL.write(json.dumps(details).encode() + b"\n")
