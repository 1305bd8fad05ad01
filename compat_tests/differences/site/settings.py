"""Settings; the channel layer comes from the environment."""

import json
import os

SECRET_KEY = "for tests only"
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
USE_TZ = True
ROOT_URLCONF = "compat_tests.differences.site.urls"
ASGI_APPLICATION = "compat_tests.differences.site.asgi.application"

INSTALLED_APPS = [
    *os.environ.get("DIFFERENCES_APPS", "").split(),
    "channels",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
]

CHANNEL_LAYERS = {"default": json.loads(os.environ["DIFFERENCES_LAYER"])}
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {
        "console": {"class": "logging.StreamHandler"},
        "record": {"class": "compat_tests.differences.recording.LogRecorder"},
    },
    "root": {"handlers": ["console", "record"], "level": "INFO"},
    "loggers": {"uvicorn": {"handlers": [], "propagate": True}},
}
