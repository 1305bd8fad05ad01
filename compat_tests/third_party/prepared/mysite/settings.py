"""Settings as classes."""

from configurations import Configuration


class Common(Configuration):
    SECRET_KEY = "for tests only"
    ALLOWED_HOSTS = ["127.0.0.1"]
    INSTALLED_APPS = ["channels_bridge", "django.contrib.contenttypes", "django.contrib.auth"]
    ASGI_APPLICATION = "mysite.asgi.application"
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}}
    DATABASES = {"default": {"ENGINE": "django.db.backends.mysql", "NAME": "mysite"}}
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


class Production(Common):
    GREETING = "production"
