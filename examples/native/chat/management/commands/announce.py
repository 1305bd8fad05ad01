from asgiref.sync import async_to_sync
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_slug

from channels_bridge.groups import GroupMessage
from channels_bridge.transport import get_channel_layer
from chat.models import Message, group_of


class Command(BaseCommand):
    help = "Posts a text into a room, from a process of its own."

    def add_arguments(self, parser):
        parser.add_argument("room")
        parser.add_argument("text")

    def handle(self, *, room, text, **options):
        try:
            validate_slug(room)
        except ValidationError as error:
            raise CommandError(f"{room!r} is no room's name: {error.message}") from None
        message = Message.objects.create(room=room, text=text[:2000])
        event = GroupMessage("chat_message", message=message.as_dict())
        async_to_sync(get_channel_layer().group_send)(group_of(room), event)
        self.stdout.write(f"Announced in {room}.")
