from channels.routing import URLRouter
from django.urls import path, re_path

from lobby import accounts, consumers, misbehaving, rooms

numbered = URLRouter(
    [
        path("<int:number>/", consumers.ScopeConsumer.as_asgi()),
        re_path(r"^(\d+)/(\d+)/$", consumers.ScopeConsumer.as_asgi()),
    ]
)

websocket_urlpatterns = [
    path("echo/", consumers.EchoConsumer.as_asgi()),
    path("sync-echo/", consumers.SyncEchoConsumer.as_asgi()),
    path("json/", consumers.JsonConsumer.as_asgi()),
    path("sync-json/", consumers.SyncJsonConsumer.as_asgi()),
    path("scope/", consumers.ScopeConsumer.as_asgi()),
    re_path(r"^scope/(?P<name>[^/]+)/$", consumers.ScopeConsumer.as_asgi()),
    path("nested/<slug:section>/", numbered),
    path("subprotocol/", consumers.SubprotocolConsumer.as_asgi()),
    path("headers/", consumers.HeadersConsumer.as_asgi()),
    path("close/", consumers.CloseConsumer.as_asgi()),
    path("last-word/", consumers.LastWordConsumer.as_asgi()),
    path("empty/", consumers.EmptyFramesConsumer.as_asgi()),
    path("slow/", consumers.SlowConsumer.as_asgi()),
    path("initkwargs/", consumers.GreetingConsumer.as_asgi(greeting="Good evening")),
    path("room/<str:room>/", rooms.RoomConsumer.as_asgi()),
    path("sync-room/<str:room>/", rooms.SyncRoomConsumer.as_asgi()),
    path("news/", rooms.NewsConsumer.as_asgi()),
    path("sync-news/", rooms.SyncNewsConsumer.as_asgi()),
    path("direct/", rooms.DirectConsumer.as_asgi()),
    path("account/", accounts.AccountConsumer.as_asgi()),
    path("deny/", misbehaving.DenyingConsumer.as_asgi()),
    path("close-in-connect/", misbehaving.ClosingConsumer.as_asgi()),
    path("undecided/", misbehaving.UndecidedConsumer.as_asgi()),
    path("stop/", misbehaving.StoppingConsumer.as_asgi()),
    path("send-after-close/", misbehaving.SendingAfterCloseConsumer.as_asgi()),
    path("sync-send-after-close/", misbehaving.SyncSendingAfterCloseConsumer.as_asgi()),
    path("send-after-leave/", misbehaving.SendingAfterLeaveConsumer.as_asgi()),
    path("text-and-bytes/", misbehaving.TextAndBytesConsumer.as_asgi()),
    path("bad-close-code/", misbehaving.BadCloseCodeConsumer.as_asgi()),
    path("raise/<str:where>/", misbehaving.RaisingConsumer.as_asgi()),
    path("sync-raise/<str:where>/", misbehaving.SyncRaisingConsumer.as_asgi()),
    path("hoard/", misbehaving.HoardingConsumer.as_asgi()),
    path("raw/denial/", misbehaving.denial_response),
    path("raw/return/", misbehaving.returns_before_deciding),
    path("raw/return-after-accept/", misbehaving.returns_after_accepting),
]
