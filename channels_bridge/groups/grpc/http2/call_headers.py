"""Header blocks of a gRPC call (RFC 7541): written as they are, read whatever their compression."""

from __future__ import annotations

import logging
from urllib.parse import quote, unquote

import hpack

from channels_bridge.groups.grpc.http2.http2_frames import (
    COMPRESSION_ERROR,
    END_HEADERS,
    ENHANCE_YOUR_CALM,
    PADDED,
    PROTOCOL_ERROR,
    WITH_PRIORITY,
    Violation,
)

Headers = list[tuple[bytes, bytes]]

#: The longest block, in bytes, as it comes and as it is meant: room for a token and what gRPC says.
MAX_HEADERS = 8192

#: What stands in front of the block, where a flag says so: a stream, and a weight.
PRIORITY_SIZE = 5

# Status codes of gRPC.
OK, UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED = 0, 2, 4, 8, 12
UNAVAILABLE, UNAUTHENTICATED = 14, 16

# hpack logs all headers at DEBUG, and so tokens, also where only the root logger is set to that.
_hpack_log = logging.getLogger("hpack")
if _hpack_log.level == logging.NOTSET:
    _hpack_log.setLevel(logging.INFO)

#: What ``grpc-message`` has as it is; all else is encoded as in a URL.
_PLAIN = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def encode_headers(headers: Headers) -> bytes:
    """Return a block of fields as they are (RFC 7541, 6.2.2): the reader need not keep them."""
    return b"".join(
        b"\0" + _length(len(name)) + name + _length(len(value)) + value for name, value in headers
    )


def request_headers(path: str, scheme: str, authority: str, metadata: Headers) -> bytes:
    """Return the block that begins a call."""
    return encode_headers(
        [
            (b":method", b"POST"),
            (b":scheme", scheme.encode()),
            (b":path", path.encode()),
            (b":authority", authority.encode()),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            *metadata,
        ]
    )


#: The block that begins the answer to a call.
RESPONSE = [(b":status", b"200"), (b"content-type", b"application/grpc")]


def status_headers(status: int, message: str) -> Headers:
    """Return how a call has ended, in words for people if there are any."""
    headers = [(b"grpc-status", b"%d" % status)]
    if message:
        headers.append((b"grpc-message", quote(message, safe=_PLAIN).encode()))
    return headers


def read_status(headers: Headers) -> tuple[int, str]:
    """Return what the other side said of how a call has ended."""
    found = dict(headers)
    status = found.get(b"grpc-status", b"")
    message = unquote(found.get(b"grpc-message", b"").decode("utf-8", "replace"))
    return int(status) if status.isdigit() and len(status) < 9 else UNKNOWN, message


class HeaderReader:
    """Puts header blocks together, and reads them.

    Attributes:
        stream: the one whose block isn't there as a whole; 0 while there is none.
    """

    def __init__(self) -> None:
        self.stream = 0
        self._flags = 0
        self._block = b""
        self._decoder = hpack.Decoder(max_header_list_size=MAX_HEADERS)

    def begin(self, flags: int, stream: int, content: bytes) -> tuple[int, Headers] | None:
        """Take HEADERS. Returns the flags and the fields once they are complete.

        Raises:
            Violation: this is none, or too long.
        """
        return self._add(flags, stream, _without_padding(flags, content))

    def go_on(self, flags: int, stream: int, content: bytes) -> tuple[int, Headers] | None:
        """Take CONTINUATION; else as ``begin()``."""
        if stream != self.stream or not stream:
            raise Violation(PROTOCOL_ERROR, "nothing that this goes on with")
        return self._add(self._flags | flags & END_HEADERS, stream, content)

    def _add(self, flags: int, stream: int, content: bytes) -> tuple[int, Headers] | None:
        if len(self._block) + len(content) > MAX_HEADERS:
            raise Violation(ENHANCE_YOUR_CALM, "the headers are too long")
        self.stream, self._flags = stream, flags
        self._block += content
        if not flags & END_HEADERS:
            return None
        block, self._block = self._block, b""
        self.stream = 0
        return flags, self._decode(block)

    def _decode(self, block: bytes) -> Headers:
        try:
            fields = self._decoder.decode(block, raw=True)
        except hpack.OversizedHeaderListError:
            raise Violation(ENHANCE_YOUR_CALM, "the headers are too long") from None
        except hpack.HPACKError:
            raise Violation(COMPRESSION_ERROR, "the headers can't be read") from None
        return [(bytes(name), bytes(value)) for name, value in fields]


def _without_padding(flags: int, content: bytes) -> bytes:
    end = len(content)
    start = 0
    if flags & PADDED:
        start = 1
        end -= content[0] if content else 1
    if flags & WITH_PRIORITY:
        start += PRIORITY_SIZE
    if start > end:
        raise Violation(PROTOCOL_ERROR, "a frame is shorter than its padding")
    return content[start:end]


def _length(size: int) -> bytes:
    """A length as HPACK writes it, without Huffman (RFC 7541, 5.1)."""
    if size < 0x7F:
        return bytes((size,))
    size -= 0x7F
    written = [0x7F]
    while size >= 0x80:
        written.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((*written, size))
