"""The chat with a shared frame: what a project may gain that imports something of ours."""

import json

from channels_bridge.groups import shared_frame

from .consumers import ChatConsumer


class SharedChatConsumer(ChatConsumer):
    @shared_frame
    @classmethod
    def chat_message(cls, event):
        return json.dumps({"message": event["message"]})
