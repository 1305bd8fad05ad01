"""strawberry: queries, mutations and subscriptions over WebSocket, and queries over HTTP."""

from collections.abc import AsyncIterator

import strawberry
from django.core.asgi import get_asgi_application
from strawberry.channels import GraphQLProtocolTypeRouter


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str) -> str:
        return f"Hello {name}"


@strawberry.type
class Mutation:
    """Says something in a room."""

    @strawberry.mutation
    async def say(self, info: strawberry.Info, room: str, text: str) -> bool:
        layer = info.context["ws"].channel_layer
        await layer.group_send(room, {"type": "chat.message", "text": text})
        return True


@strawberry.type
class Subscription:
    """Numbers, and what is said in a room."""

    @strawberry.subscription
    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def heard(self, info: strawberry.Info, room: str) -> AsyncIterator[str]:
        consumer = info.context["ws"]
        async with consumer.listen_to_channel("chat.message", groups=[room]) as messages:
            yield "listening"
            async for message in messages:
                yield message["text"]


schema = strawberry.Schema(Query, Mutation, Subscription)
application = GraphQLProtocolTypeRouter(schema, django_application=get_asgi_application())
