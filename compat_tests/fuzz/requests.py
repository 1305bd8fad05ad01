"""Handshakes and other requests, most of them with something wrong."""

from __future__ import annotations

from hypothesis import strategies as st

from compat_tests.clients.raw_bytes import UPGRADE

Header = tuple[bytes, bytes]

HANDSHAKE: list[Header] = [
    (name.encode(), value.encode())
    for name, _, value in (line.partition(": ") for line in ("Host: localhost", *UPGRADE))
]
OTHERS: list[Header] = [
    (b"Upgrade", b"h2c"),
    (b"Connection", b"close"),
    (b"Connection", b"keep-alive, Upgrade"),
    (b"Sec-WebSocket-Key", b"short"),
    (b"Sec-WebSocket-Version", b"8"),
    (b"Sec-WebSocket-Protocol", b"a, b,,"),
    (b"Sec-WebSocket-Extensions", b"permessage-deflate; client_max_window_bits"),
    (b"Sec-WebSocket-Extensions", b"permessage-deflate; server_max_window_bits=99, x;"),
    (b"Origin", b"null"),
    (b"Content-Length", b"5"),
    (b"Content-Length", b"-1"),
    (b"Transfer-Encoding", b"chunked"),
    (b"Expect", b"100-continue"),
    (b"Cookie", b"a=\xff; b"),
    (b"X-Forwarded-For", b"1.2.3.4, \xc3\xa9"),
    (b"X-Long", b"x" * 10_000),
]
NAMES = st.sampled_from([name for name, _ in HANDSHAKE + OTHERS]) | st.binary(max_size=8)
VALUES = st.sampled_from([value for _, value in HANDSHAKE + OTHERS]) | st.binary(max_size=20)
FLOODS = st.sampled_from([[]] * 8 + [[(b"X-Flood", b"x")] * 100, [(b"A", b"")] * 400])

MISSING = st.sampled_from([None] * 8 + HANDSHAKE)
METHODS = st.sampled_from([b"GET"] * 30 + [b"POST", b"HEAD", b"get", b"PRI", b"OPTIONS", b"G\0T"])
TARGETS = st.sampled_from(
    [b"/"] * 30
    + [b"*", b"", b"//", b"/%ff", b"/%", b"/\xc3\xa9?\xff", b"http://localhost/", b"/#", b"/\0"]
    + [b"/a b", b"/" + b"x" * 9000, b"/?" + b"y" * 3000]
)
VERSIONS = st.sampled_from([b"HTTP/1.1"] * 30 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b"", b"X"])
COLONS = st.sampled_from([b": "] * 30 + [b":", b" : ", b"\t:", b""])
LINE_ENDS = st.sampled_from([b"\r\n"] * 30 + [b"\n", b"\r", b"\r\n\t", b"\0\r\n"])


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """A request line and headers; a good handshake now and then."""
    missing = draw(MISSING)
    headers = [header for header in HANDSHAKE if header != missing]
    headers += draw(st.lists(st.sampled_from(OTHERS), max_size=2))
    headers += draw(st.lists(st.tuples(NAMES, VALUES), max_size=1))
    headers = draw(st.permutations(headers)) + draw(FLOODS)
    colon, end = draw(COLONS), draw(LINE_ENDS)
    lines = [b" ".join([draw(METHODS), draw(TARGETS), draw(VERSIONS)])]
    lines += [name + colon + value for name, value in headers]
    return end.join(lines) + end * 2


CHANGES = st.lists(st.tuples(st.integers(0, 1500), st.binary(max_size=3)), max_size=2)
ENDS = st.sampled_from([None] * 10 + [1, 4, 14, 16, 60, 120, 180, -1, -2, -4])
BODIES = st.sampled_from([b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"fffffffff\r\n", b"\r\n\r\n"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A head and what may follow, with some bytes changed, and cut off now and then."""
    request = draw(heads()) + draw(BODIES)
    for place, changed in draw(CHANGES):
        request = request[:place] + changed + request[place + 1 :]
    return request[: draw(ENDS)]


def streams() -> st.SearchStrategy[bytes]:
    """What a connection begins with: requests, none of which waits for an answer, or garbage."""
    garbage = st.binary(max_size=50)
    answered = st.lists(requests(), min_size=1, max_size=3).map(b"".join)
    return garbage | answered | st.builds(bytes.__add__, requests(), garbage)
