"""A project that has nothing but workers. WORKERS_APP is the only application it installs."""

from __future__ import annotations

import json
import os

SECRET_KEY = "for tests only"
USE_TZ = True
INSTALLED_APPS = [os.environ.get("WORKERS_APP", "channels_bridge")]
ASGI_APPLICATION = "compat_tests.surface.workers.application.application"
CHANNEL_LAYERS = {"default": json.loads(os.environ["WORKERS_LAYER"])}
