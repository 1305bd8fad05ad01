"""The project of Channels' tutorial. Three lines are not from there: 1, 2, 3."""

import os

SECRET_KEY = "for tests only"
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
INSTALLED_APPS = [
    "channels_bridge",  # 1
    "chat",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
ROOT_URLCONF = "mysite.urls"
ASGI_APPLICATION = "mysite.asgi.application"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
STATIC_URL = "static/"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_bridge.layers.GrpcChannelLayer",  # 2
        "CONFIG": {"history": {"chat_*": {}}},  # 3
    }
}

# Only for these tests: several runs of them share a machine.
WEBSOCKET_RUNTIME_DIR = os.environ["TUTORIAL_DIRECTORY"]
