"""Settings of a project in which it is told who is in a room."""

import os

SECRET_KEY = "lounge"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["channels_bridge"]
ROOT_URLCONF = "lounge.urls"
ASGI_APPLICATION = "lounge.asgi.application"
DATABASES = {}
USE_TZ = True

PRESENCE = {"describe": "lounge.people.describe", "linger": float(os.environ["LINGER"]), "limit": 5}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_bridge.layers.GrpcChannelLayer",
        "CONFIG": {
            "presence": {"room.*": {**PRESENCE, "channel": "presence"}},
            "history": {"room.kept.*": {}},
        },
    }
}
WEBSOCKET_RUNTIME_DIR = os.environ["RUNTIME_DIR"]
