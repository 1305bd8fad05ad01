"""Django Channels projects on ``websockets``, with groups over gRPC instead of a broker."""

from channels import DEFAULT_CHANNEL_LAYER

__all__ = ["DEFAULT_CHANNEL_LAYER", "__version__"]

__version__ = "0.1.0"
