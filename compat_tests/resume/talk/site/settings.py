"""Settings; where the groups' sockets are comes from the environment."""

import json
import os

SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
USE_TZ = True
ASGI_APPLICATION = "compat_tests.resume.talk.site.asgi.application"

INSTALLED_APPS = ["channels_bridge", "channels"]

CHANNEL_LAYERS = {"default": json.loads(os.environ["TALK_LAYER"])}
