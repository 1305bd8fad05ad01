"""A project of one consumer, whose group is kept."""

SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["channels_bridge"]
ASGI_APPLICATION = "asgi.application"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_bridge.layers.GrpcChannelLayer",
        "CONFIG": {"history": {"chat": {"messages": 500}}},
    }
}
DATABASES = {}
