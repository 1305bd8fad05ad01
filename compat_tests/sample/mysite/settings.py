"""Settings of a project written for Channels.

What changes when it moves to another server comes from the environment: one more application and
the channel layer.
"""

import json
import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "a sample, not a secret"
DEBUG = "SAMPLE_DEBUG" in os.environ
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]

INSTALLED_APPS = [
    *os.environ.get("SAMPLE_APPS", "").split(),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "channels",
    "lobby",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]

ROOT_URLCONF = "mysite.urls"
ASGI_APPLICATION = "mysite.asgi.application"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SAMPLE_DATABASE", BASE_DIR / "db.sqlite3"),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": os.environ.get("SAMPLE_LAYER", "channels.layers.InMemoryChannelLayer"),
        "CONFIG": json.loads(os.environ.get("SAMPLE_LAYER_CONFIG", "{}")),
    }
}

WEBSOCKET_RUNTIME_DIR = os.environ.get("SAMPLE_RUNTIME_DIR")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django.request": {"handlers": ["console"], "level": "ERROR"}},
}

if "SAMPLE_LOG_LEVEL" in os.environ:
    LOGGING["root"] = {"handlers": ["console"], "level": os.environ["SAMPLE_LOG_LEVEL"]}

STATIC_URL = "static/"
USE_TZ = True
