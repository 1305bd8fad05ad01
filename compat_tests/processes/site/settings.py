"""LOGGING disables loggers, by its default, and has no place for ours."""

SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["channels_bridge", "desk"]
ASGI_APPLICATION = "asgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}}
DATABASES = {}
LOGGING = {
    "version": 1,
    "handlers": {"file": {"class": "logging.NullHandler"}},
    "root": {"handlers": ["file"], "level": "WARNING"},
}
