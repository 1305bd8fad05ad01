"""Settings of the project that suffers. What differs between servers comes from the environment."""

import json
import os

SECRET_KEY = "for faults only"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [*os.environ.get("FAULTS_APPS", "").split(), "channels"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "compat_tests.peer_faults.site.urls"
ASGI_APPLICATION = "compat_tests.peer_faults.site.asgi.application"
CHANNEL_LAYERS = {"default": json.loads(os.environ["FAULTS_LAYER"])}
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
