"""Django Channels projects on ``websockets``, with groups over gRPC instead of a broker.

PYTEST_DONT_REWRITE: else pytest would warn of its plugin, where it is called in a Django process.
"""

from __future__ import annotations

from channels import DEFAULT_CHANNEL_LAYER

__all__ = ["DEFAULT_CHANNEL_LAYER", "__version__"]

__version__ = "0.2.0"
