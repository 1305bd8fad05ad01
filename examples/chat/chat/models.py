from django.db import models


class Message(models.Model):
    """A message in a room."""

    room = models.SlugField(max_length=50)
    author = models.CharField(max_length=30, blank=True)  # nobody: an announcement
    text = models.CharField(max_length=2000)
    sent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["room", "-id"])]

    def __str__(self):
        return f"{self.author or 'Announcement'} in {self.room}: {self.text[:40]}"

    def as_dict(self):
        """The message as browsers get it."""
        return {
            "id": self.pk,
            "author": self.author,
            "text": self.text,
            "at": self.sent_at.isoformat(),
        }


async def recent_messages(room, count=50):
    """The last `count` messages of a room, the oldest first."""
    newest_first = Message.objects.filter(room=room).order_by("-id")[:count]
    return [message.as_dict() async for message in newest_first][::-1]


def group_of(room):
    """The name of the group that a room's open pages are in."""
    return f"chat.{room}"
