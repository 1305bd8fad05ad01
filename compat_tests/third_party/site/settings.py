"""Settings; the application, its apps and the layer come from the environment."""

import json
import os
from importlib import import_module

SECRET_KEY = "for tests only, and long enough for tokens"
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
USE_TZ = True
ROOT_URLCONF = "compat_tests.third_party.site.urls"
ASGI_APPLICATION = f"compat_tests.third_party.site.{os.environ['THIRD_PARTY']}.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "channels_bridge",
    "channels",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    *os.environ.get("THIRD_PARTY_APPS", "").split(),
]

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["THIRD_PARTY_DATABASE"]}
}

CHANNEL_LAYERS = {"default": json.loads(os.environ["THIRD_PARTY_LAYER"])}

if "THIRD_PARTY_TRACING" in os.environ:
    import_module(f"compat_tests.third_party.site.{os.environ['THIRD_PARTY_TRACING']}")
