"""Settings as classes."""

from configurations import Configuration


class Common(Configuration):
    """Settings in a class, as django-configurations has them."""

    SECRET_KEY = "for tests only"
    ALLOWED_HOSTS = ["127.0.0.1"]
    # No models: to check them, Django 6 asks the database server for its version.
    INSTALLED_APPS = ["channels_bridge"]
    ASGI_APPLICATION = "mysite.asgi.application"
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}}
    DATABASES = {"default": {"ENGINE": "django.db.backends.mysql", "NAME": "mysite"}}


class Production(Common):
    GREETING = "production"
