"""djangochannelsrestframework: an API for groups of users, and news of their changes."""

from channels.routing import ProtocolTypeRouter, URLRouter
from django.contrib.auth.models import Group
from django.core.asgi import get_asgi_application
from django.urls import path

pages = get_asgi_application()

from djangochannelsrestframework.decorators import action  # noqa: E402
from djangochannelsrestframework.generics import GenericAsyncAPIConsumer  # noqa: E402
from djangochannelsrestframework.mixins import (  # noqa: E402
    CreateModelMixin,
    ListModelMixin,
    PatchModelMixin,
)
from djangochannelsrestframework.observer import model_observer  # noqa: E402
from djangochannelsrestframework.observer.generics import (  # noqa: E402
    ObserverModelInstanceMixin,
)
from rest_framework.permissions import AllowAny  # noqa: E402
from rest_framework.serializers import ModelSerializer  # noqa: E402


class GroupSerializer(ModelSerializer):
    class Meta:
        model = Group
        fields = ["id", "name"]


class GroupConsumer(
    ListModelMixin,
    CreateModelMixin,
    PatchModelMixin,
    ObserverModelInstanceMixin,
    GenericAsyncAPIConsumer,
):
    """Django's groups of users by WebSocket, with news of their changes."""

    queryset = Group.objects.order_by("id")
    serializer_class = GroupSerializer
    permission_classes = (AllowAny,)

    @model_observer(Group)
    async def changes(self, message, observer=None, **kwargs):
        await self.send_json({"changed": message})

    @changes.serializer
    def changes(self, instance, action, **kwargs):
        return {"action": action.value, "name": instance.name}

    @action()
    async def subscribe_to_changes(self, **kwargs):
        await self.changes.subscribe()
        return {}, 200


application = ProtocolTypeRouter(
    {"http": pages, "websocket": URLRouter([path("groups/", GroupConsumer.as_asgi())])}
)
