"""Run by ``test_event_loops``: a connection on a loop of its own, through all that may happen.

The arguments are the kind of loop, the authority's file and the URLs of two nodes with TLS. Lines
on stdout and stdin take turns with the test, which does to the nodes what this names.
"""

from __future__ import annotations

import asyncio
import os
import sys
import warnings
from contextlib import suppress

from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.tls_files import TlsFiles


class Scenario:
    """A connection, and what has come."""

    def __init__(self, ca_file: str, urls: list[str]) -> None:
        self.connected = asyncio.Queue[bool]()
        self.messages = asyncio.Queue[bytes]()
        options = {
            "make_tls": TlsFiles(ca_file=ca_file).make_context,
            "ping_interval": 0.1,
            "on_message": lambda key, payload, reply: self.messages.put_nowait(payload),
        }
        self.ours = NatsConnection(
            urls,
            name="scenario",
            reply_prefix="replies.ours",
            on_connected=self.connected.put_nowait,
            **options,
        )
        self.theirs = NatsConnection(urls, name="them", reply_prefix="replies.them", **options)

    async def run(self) -> None:
        """Connect, go through silence and a node's end, and be killed after a fork."""
        self.ours.subscribe("a", 1)
        self.ours.start()
        self.theirs.start()
        assert await self.connected.get()
        await self.exchange(3)
        for event in ("pause", "resume", "kill"):
            await tell(f"{event} {self.ours.info.server_name}")
            if event != "resume":
                assert not await self.connected.get()
            await self.exchange(3 if event != "pause" else 0)
        await self.theirs.aclose()
        fork()
        await tell("end scenario")

    async def exchange(self, count: int) -> None:
        """Get messages that the other connection publishes; its link may still be about to end."""
        await self.ours.flush(30)
        for number in range(count):
            while self.messages.empty():
                self.theirs.publish("a", b"%d" % number, bytes(1000))
                with suppress(NatsUnavailable):
                    await self.theirs.flush(30)
                await asyncio.sleep(0.01)
            while not self.messages.empty():
                self.messages.get_nowait()


def fork() -> None:
    """Make a child, which lives until stdin ends: longer than this process."""
    with warnings.catch_warnings():
        # Python 3.15 forks, and raises its warning that there are threads where that is an error.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        while os.read(0, 100):
            pass
        os._exit(0)


async def tell(what: str) -> None:
    """Let the test do something, and wait until it has. The end is to be killed."""
    print(what, flush=True)
    assert await asyncio.to_thread(sys.stdin.readline) == "done\n"


def main() -> None:
    """Run it."""
    kind, ca_file, *urls = sys.argv[1:]

    async def run() -> None:
        await asyncio.wait_for(Scenario(ca_file, urls).run(), 60)

    if kind == "uvloop":
        import uvloop

        uvloop.run(run())
    else:
        asyncio.run(run())


if __name__ == "__main__":
    main()
