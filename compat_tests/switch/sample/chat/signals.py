from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver


@receiver([post_save, post_delete], sender=User)
def tell_everybody(instance, **kwargs):
    event = {"type": "chat.message", "text": f"user {instance.username}"}
    async_to_sync(get_channel_layer().group_send)("chat_lobby", event)
