"""A help desk: settings for its tests, on SQLite or on the PostgreSQL server at DESK_POSTGRESQL."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["desk.example"]
ROOT_URLCONF = "desk.urls"
ASGI_APPLICATION = "desk.asgi.application"
STATIC_URL = "/static/"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "channels",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "desk",
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if "DESK_POSTGRESQL" in os.environ:
    DATABASE = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "desk",
        "USER": "desk",
        "HOST": os.environ["DESK_POSTGRESQL"],
    }
else:
    DATABASE = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "desk.sqlite3",
        "TEST": {"NAME": BASE_DIR / "test.sqlite3"},
    }

DATABASES = {"default": DATABASE}

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels.layers.InMemoryChannelLayer",
        "CONFIG": {"capacity": 50},
        "TEST_CONFIG": {"expiry": 10},
    },
}
