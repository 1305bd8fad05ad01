"""A project of pages only: news are sent to groups, and read as event streams."""

import os
from pathlib import Path

SECRET_KEY = "a sample, not a secret"
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
INSTALLED_APPS = [
    "channels_bridge",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
]
MIDDLEWARE = [
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "newsroom.urls"
ASGI_APPLICATION = "newsroom.asgi.application"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("NEWSROOM_DATABASE", Path(__file__).parent / "db.sqlite3"),
    }
}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": os.environ.get("NEWSROOM_LAYER", "channels_bridge.layers.GrpcChannelLayer"),
        "CONFIG": {
            "history": {"news.*": {"messages": 50}},
            # Whoever has published knows that it is in the log.
            **({} if "NEWSROOM_LAYER" in os.environ else {"confirm": True}),
        },
    }
}
WEBSOCKET_RUNTIME_DIR = os.environ.get("NEWSROOM_RUNTIME_DIR")
USE_TZ = True
