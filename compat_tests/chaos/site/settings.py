"""Settings; the channel layer comes from the environment, and so does the file that logs go to."""

import json
import os

SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
USE_TZ = True
ASGI_APPLICATION = "compat_tests.chaos.site.asgi.application"

INSTALLED_APPS = ["channels_bridge", "channels"]

CHANNEL_LAYERS = {"default": json.loads(os.environ["CHAOS_LAYER"])}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {
        "console": {"class": "logging.StreamHandler"},
        "file": {"class": "logging.FileHandler", "filename": os.environ["CHAOS_LOG"]},
    },
    "root": {"handlers": ["console", "file"], "level": "INFO"},
}
