"""Settings of a project that uses the native surface, and nothing of Channels."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "an example has no secrets; a site of yours has"
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    "channels_bridge",
    "chat",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "chatsite.urls"

# Each connection passes these, and ends in a handler of the route module.
WEBSOCKET_MIDDLEWARE = [
    "channels_bridge.middlewares.scope.ScopeMiddleware",
    "channels_bridge.middlewares.auth.AuthMiddleware",
    "channels_bridge.middlewares.route.RouteMiddleware",
]
WEBSOCKET_ROUTE_MODULE = "chatsite.routing"

# Groups cross the server's processes over gRPC; there is no broker to run.
# What was said in a room is kept for those who lose their connection, and who is there is known.
WEBSOCKET_TRANSPORT_BACKENDS = {
    "default": {
        "BACKEND": "channels_bridge.transport.GrpcTransportLayer",
        "CONFIG": {
            "history": {"chat.*": {"except": ["chat_typing"]}},
            "presence": {"chat.*": {"describe": "chat.consumers.describe", "linger": 3}},
        },
    },
}

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("CHAT_DATABASE", BASE_DIR / "chat.sqlite3"),
        # Several workers write to one file: let them wait for each other, not fail.
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "static/"
USE_TZ = True
