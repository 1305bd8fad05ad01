"""A project whose tests use a live server. LIVE_DIRECTORY takes its database and its socket."""

import os
from pathlib import Path

DIRECTORY = Path(os.environ["LIVE_DIRECTORY"])

SECRET_KEY = "for tests only"
ALLOWED_HOSTS = []
ROOT_URLCONF = "live.asgi"
ASGI_APPLICATION = "live.asgi.application"
STATIC_URL = "/static/"
USE_TZ = True
INSTALLED_APPS = ["channels_bridge", "django.contrib.auth", "django.contrib.contenttypes"]
GREETING = "hello"
UNPICKLABLE = staticmethod(lambda: None)

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DIRECTORY / "live.sqlite3",
        "TEST": {} if "LIVE_IN_MEMORY" in os.environ else {"NAME": DIRECTORY / "test.sqlite3"},
    }
}

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_bridge.layers.GrpcChannelLayer",
        "CONFIG": {"address": f"unix:{DIRECTORY}/groups.sock"},
    }
}
