from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Says "message N" into a room, for numbers from the first to before the last."""

    def add_arguments(self, parser):
        parser.add_argument("room")
        parser.add_argument("first", type=int)
        parser.add_argument("last", type=int)

    def handle(self, room, first, last, **options):
        async_to_sync(self.announce)(f"chat_{room}", first, last)

    async def announce(self, group, first, last):
        layer = get_channel_layer()
        for number in range(first, last):
            message = {"type": "chat.message", "message": f"message {number}"}
            await layer.group_send(group, message)
