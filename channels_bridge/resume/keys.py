"""Keys for what clients are given and bring back, derived from ``SECRET_KEY``."""

from __future__ import annotations

import functools
import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.utils.encoding import force_bytes


def keys() -> Sequence[bytes]:
    """Return the key that is used, and then those that are still accepted."""
    return (_derive(settings.SECRET_KEY), *map(_derive, settings.SECRET_KEY_FALLBACKS))


@functools.lru_cache(maxsize=32)
def _derive(secret: str | bytes) -> bytes:
    return hmac.digest(force_bytes(secret), b"channels_bridge.resume", hashlib.sha256)


def mac(key: bytes, fields: Iterable[str], length: int) -> bytes:
    """Authenticate fields, in this order: HMAC-SHA256, cut to ``length`` bytes."""
    # Each with its length in front, so that nothing can move from one field to the next.
    encoded = (field.encode("utf-8", "surrogatepass") for field in fields)
    message = b"".join(b"%d:%b" % (len(field), field) for field in encoded)
    return hmac.digest(key, message, "sha256")[:length]


def text_of(data: bytes) -> str:
    """Encode as base64url, which needs no escaping in a URL."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
