"""A project whose tests use the fixtures. SHOP_DIRECTORY takes its database."""

import os
from pathlib import Path

DIRECTORY = Path(os.environ["SHOP_DIRECTORY"])

SECRET_KEY = "for tests only"
ROOT_URLCONF = "shop.asgi"
ASGI_APPLICATION = "shop.asgi.application"
STATIC_URL = "/static/"
USE_TZ = True
INSTALLED_APPS = ["channels_bridge", "django.contrib.auth", "django.contrib.contenttypes"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DIRECTORY / "shop.sqlite3",
        "TEST": {"NAME": DIRECTORY / "test.sqlite3"},
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels.layers.InMemoryChannelLayer",
        "CONFIG": {"capacity": 7},
    },
    "orders": {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"},
}
