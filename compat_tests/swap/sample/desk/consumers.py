"""Consumers that the desk's pages and workers talk to."""

from asgiref.sync import async_to_sync
from channels.auth import get_user, login, logout
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.db import database_sync_to_async
from channels.exceptions import DenyConnection
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
)
from django.contrib.auth import authenticate, get_user_model


class TicketsConsumer(AsyncJsonWebsocketConsumer):
    """Many tickets over one socket: each is a group that a client follows or leaves."""

    groups = ["desk"]

    async def connect(self):
        self.followed = set()
        await self.accept("tickets.v1" if "tickets.v1" in self.scope["subprotocols"] else None)

    async def receive_json(self, content):
        await getattr(self, f"do_{content['do']}")(content["ticket"], content)

    async def do_follow(self, ticket, content):
        self.followed.add(ticket)
        await self.channel_layer.group_add(f"ticket.{ticket}", self.channel_name)
        await self.send_json({"ticket": ticket, "followed": sorted(self.followed)})

    async def do_leave(self, ticket, content):
        self.followed.discard(ticket)
        await self.channel_layer.group_discard(f"ticket.{ticket}", self.channel_name)
        await self.send_json({"ticket": ticket, "followed": sorted(self.followed)})

    async def do_comment(self, ticket, content):
        event = {"type": "ticket.comment", "ticket": ticket, "text": content["text"]}
        await self.channel_layer.group_send(f"ticket.{ticket}", event)

    async def do_close(self, ticket, content):
        event = {"type": "desk.closed", "ticket": ticket}
        await self.channel_layer.group_send("desk", event)

    async def ticket_comment(self, event):
        await self.send_json({"ticket": event["ticket"], "comment": event["text"]})

    async def desk_closed(self, event):
        await self.send_json({"closed": event["ticket"]})

    async def disconnect(self, code):
        for ticket in self.followed:
            await self.channel_layer.group_discard(f"ticket.{ticket}", self.channel_name)


class AccountConsumer(JsonWebsocketConsumer):
    """Logs in and out over a socket."""

    def receive_json(self, content):
        if "password" in content:
            user = authenticate(username=content["name"], password=content["password"])
            if user is None:
                self.send_json({"error": "wrong name or password"}, close=4001)
                return
            async_to_sync(login)(self.scope, user)
            self.scope["session"].save()
        elif content.get("logout"):
            async_to_sync(logout)(self.scope)
        user = async_to_sync(get_user)(self.scope)
        self.send_json({"name": user.get_username()})


class StaffConsumer(AsyncWebsocketConsumer):
    """For staff only."""

    async def connect(self):
        if not self.scope["user"].is_staff:
            raise DenyConnection
        await self.accept(headers=[(b"x-desk", b"staff")])
        await self.send(f"{await self.count()} accounts")

    @database_sync_to_async
    def count(self):
        return get_user_model().objects.count()


class ExportConsumer(AsyncHttpConsumer):
    """Streams lines; as many as the query string says."""

    async def handle(self, body):
        count = int(self.scope["query_string"] or 0)
        await self.send_headers(headers=[(b"Content-Type", b"text/csv")])
        for number in range(count):
            await self.send_body(f"{number},{body.decode()}\n".encode(), more_body=True)
        await self.send_body(b"end\n")


class WaitConsumer(AsyncHttpConsumer):
    """Answers once a ticket is closed: long-polling."""

    async def handle(self, body):
        await self.channel_layer.group_add("desk", self.channel_name)
        await self.send_headers(headers=[(b"Content-Type", b"text/plain")])
        await self.send_body(b"waiting\n", more_body=True)

    async def http_request(self, message):
        # As the documentation of Channels has it: go on after handle().
        self.body.append(message.get("body", b""))
        if not message.get("more_body"):
            await self.handle(b"".join(self.body))

    async def desk_closed(self, event):
        await self.send_body(f"{event['ticket']}\n".encode())
        await self.disconnect()


class MailWorker(AsyncConsumer):
    """Runs in a worker: tells a ticket's followers that something was mailed."""

    async def mail_send(self, message):
        event = {"type": "ticket.comment", "ticket": message["ticket"], "text": "mailed"}
        await self.channel_layer.group_send(f"ticket.{message['ticket']}", event)


class PrintWorker(SyncConsumer):
    """The same, synchronous."""

    def print_ticket(self, message):
        event = {"type": "ticket.comment", "ticket": message["ticket"], "text": "printed"}
        async_to_sync(self.channel_layer.group_send)(f"ticket.{message['ticket']}", event)
