"""Django Channels projects on ``websockets``, with groups over gRPC instead of a broker."""

__version__ = "0.1.0"
