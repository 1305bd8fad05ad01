"""Rooms whose connections have spans, by OpenTelemetry's middleware."""

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

from .rooms import routes

application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": OpenTelemetryMiddleware(URLRouter(routes))}
)
