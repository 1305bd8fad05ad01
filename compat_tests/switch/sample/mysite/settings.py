"""A beginner's project, switched as README says. SWITCH_DIRECTORY takes its database."""

import os
from pathlib import Path

SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "mysite.urls"
ASGI_APPLICATION = "mysite.asgi.application"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "channels_bridge",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "chat",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ["SWITCH_DIRECTORY"], "site.sqlite3"),
    }
}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}}

# Only for these tests: several runs of them share a machine.
WEBSOCKET_RUNTIME_DIR = os.environ["SWITCH_DIRECTORY"]
