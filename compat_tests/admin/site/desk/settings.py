"""Settings of a project with the admin's pages, whose browsers run no inline code."""

import os

SECRET_KEY = "desk"
DEBUG = True  # static files are served
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "channels_bridge",
    "channels_bridge.admin",
    "channels",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "desk.policy.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "desk.urls"
ASGI_APPLICATION = "desk.asgi.application"
WSGI_APPLICATION = None
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
USE_TZ = True

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_bridge.layers.GrpcChannelLayer",
        "CONFIG": {"presence": {"room.*": {"describe": "desk.asgi.describe", "linger": 1}}},
    }
}
WEBSOCKET_RUNTIME_DIR = os.environ["RUNTIME_DIR"]
if "CONTROL" in os.environ:
    WEBSOCKETS_SERVER = {"control": os.environ["CONTROL"]}
