"""A guestbook, on a SQLite file. GUESTBOOK_DIRECTORY takes its database and its hub's socket."""

import os
from pathlib import Path

DIRECTORY = Path(os.environ["GUESTBOOK_DIRECTORY"])

SECRET_KEY = "for tests only"
ALLOWED_HOSTS = []
ROOT_URLCONF = "guestbook.asgi"
ASGI_APPLICATION = "guestbook.asgi.application"
STATIC_URL = "/static/"
USE_TZ = True

INSTALLED_APPS = [
    "channels_bridge",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "guestbook",
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DIRECTORY / "guestbook.sqlite3",
        "TEST": {"NAME": DIRECTORY / "test.sqlite3"},
    }
}

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_bridge.layers.GrpcChannelLayer",
        "CONFIG": {"address": f"unix:{DIRECTORY}/groups.sock"},
    }
}
