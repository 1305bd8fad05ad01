"""Settings of the measured application; the stack's apps and layer come from the environment."""

import json
import os

SECRET_KEY = "for measurements only"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    *os.environ.get("BENCH_APPS", "").split(),
    "channels",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
]
ASGI_APPLICATION = "channels_bridge.bench.project.asgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CHANNEL_LAYERS = json.loads(os.environ["BENCH_LAYERS"])
USE_TZ = True
