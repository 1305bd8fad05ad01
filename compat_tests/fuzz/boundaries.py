"""Requests one behind the other, and where each of them ends as h11 reads it (RFC 9112, 6)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import h11
from hypothesis import strategies as st

from compat_tests.clients.raw_bytes import UPGRADE

#: A request line's method and target, and the body.
Exchange = tuple[bytes, bytes, bytes]

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
BODIES = st.sampled_from([b"", b"hello", b"\r\n", b"0\r\n\r\n", b"x" * 300, SMUGGLED])
METHODS = st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS"])

#: Of no consequence for a server that speaks none of these protocols (RFC 9110, 7.8).
UPGRADES = st.sampled_from(
    [
        [],
        [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAA"],
        [b"upgrade: h2c, websocket", b"connection: keep-alive, upgrade"],
        [b"Upgrade: TLS/1.0", b"Connection: upgrade"],
        [b"Upgrade: h2c", b"Upgrade: foo", b"Connection: foo", b"Connection: Upgrade"],
        [b"Upgrade: h2c"],
    ]
)
OTHERS = st.sampled_from(
    [[]] * 4 + [[b"Expect: 100-continue"], [b"Content_Length: 3"], [b"Connection: keep-alive"]]
)
TRAILERS = st.sampled_from([b"", b"X-Trailer: 1\r\n", b"Upgrade: h2c\r\nConnection: upgrade\r\n"])
EXTENSIONS = st.sampled_from([b"", b";a=b", b';a="b;c"'])


@st.composite
def chunked(draw: st.DrawFn, body: bytes) -> bytes:
    """A body in chunks of any size (RFC 9112, 7.1)."""
    chunks, start = [], 0
    while start < len(body):
        part = body[start : start + draw(st.sampled_from([1, 5, 200]))]
        chunks.append(b"%X%b\r\n%b\r\n" % (len(part), draw(EXTENSIONS), part))
        start += len(part)
    return b"".join(chunks) + b"0\r\n" + draw(TRAILERS) + b"\r\n"


def request(
    method: bytes, headers: list[bytes], body: bytes, end: bytes, version: bytes = b"1.1"
) -> bytes:
    """Write a request whose lines have this end."""
    return end.join([b"%b / HTTP/%b" % (method, version), b"Host: a", *headers]) + end * 2 + body


@st.composite
def good_requests(draw: st.DrawFn, *last: bytes) -> bytes:
    """One that leaves no doubt about its end, with ``last`` headers."""
    body = draw(BODIES)
    if draw(st.booleans()):
        framing, sent = b"Transfer-Encoding: chunked", draw(chunked(body))
    else:
        framing, sent = b"Content-Length: %d" % len(body), body
    framings = [] if body == sent == b"" and draw(st.booleans()) else [framing]
    headers = draw(st.permutations([*draw(UPGRADES), *draw(OTHERS), *framings, *last]))
    return request(draw(METHODS), headers, sent, b"\r\n")


WRONG_LENGTHS = st.sampled_from(
    [b"", b"-1", b"+5", b"0x5", b"5, 5", b"5 5", b"5,6", b"5;", b"\x0b5", b"9" * 30, b"05", b"36"]
)
WRONG_CODINGS = st.sampled_from(
    [b"gzip, chunked", b"chunked, identity", b"identity", b"\x0bchunked", b"chunked, chunked"]
    + [b"xchunked", b"chunked;q=1", b'"chunked"', b"chunKED", b"", b"chunked\x00"]
)
WRONG_FRAMINGS = st.sampled_from(
    [
        [b"Content-Length: 5", b"Content-Length: 5"],
        [b"Content-Length: 5", b"Content-Length: 0"],
        [b"Content-Length: 5", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Content-Length: 5"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"],
        [b"Transfer-Encoding : chunked"],
        [b"Transfer-Encoding\t: chunked"],
        [b"Transfer_Encoding: chunked"],
        [b"Transfer-Encoding:\r\n chunked"],
        [b"X: y\r\n\tTransfer-Encoding: chunked"],
        [b"X: y\nTransfer-Encoding: chunked"],
        [b"X: y\rTransfer-Encoding: chunked"],
        [b" Transfer-Encoding: chunked"],
        [b"Content-Length : 36"],
        [b"Content-Length:\r\n 36"],
    ]
) | st.one_of(
    WRONG_LENGTHS.map(lambda value: [b"Content-Length: " + value]),
    WRONG_CODINGS.map(lambda value: [b"Transfer-Encoding: " + value]),
)
WRONG_BODIES = st.sampled_from(
    [
        b"hello",
        SMUGGLED,
        b"5\r\nhello\r\n0\r\n\r\n",
        b"0\r\n\r\n" + SMUGGLED,
        b"5\nhello\n0\n\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"5;a\nb\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"ffffffffffffffff5\r\nhello\r\n0\r\n\r\n",
        b"00000000005\r\nhello\r\n0\r\n\r\n",
        b"0\r\nContent-Length: 36\r\n\r\n" + SMUGGLED,
        b"0\r\nX: y\n\n" + SMUGGLED,
    ]
)
HANDSHAKES = [line.encode() for line in UPGRADE]
VERSIONS = st.sampled_from([b"1.1"] * 8 + [b"1.0", b"1.2", b"2.0", b"0.9"])
LINE_ENDS = st.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r\r\n"])


@st.composite
def doubtful_requests(draw: st.DrawFn) -> bytes:
    """One that some servers read in another way than others."""
    headers = [*draw(UPGRADES | st.just(HANDSHAKES)), *draw(OTHERS), *draw(WRONG_FRAMINGS)]
    headers += draw(st.sampled_from([[], [], [b"Connection: close"], [b"Connection: Upgrade"]]))
    headers = draw(st.permutations(headers))
    method = draw(METHODS | st.sampled_from([b"CONNECT", b"PRI", b"get"]))
    return request(method, headers, draw(WRONG_BODIES), draw(LINE_ENDS), draw(VERSIONS))


def streams() -> st.SearchStrategy[bytes]:
    """Good requests around one or two that are not."""
    good = st.lists(good_requests(), max_size=2)
    doubtful = st.lists(doubtful_requests(), min_size=1, max_size=2)
    return st.tuples(good, doubtful, good).map(lambda parts: b"".join(sum(parts, [])))


def foresee(stream: bytes) -> Iterator[Exchange]:
    """Say which requests there are, as far as h11 has no doubt, or the connection ends."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(stream)
    try:
        while isinstance(head := connection.next_event(), h11.Request):
            body = b""
            while isinstance(event := connection.next_event(), h11.Data):
                body += event.data
            if head.method == b"CONNECT" or not isinstance(event, h11.EndOfMessage):
                return
            yield head.method, head.target, body
            connection.send(h11.Response(status_code=200, headers=[(b"Content-Length", b"0")]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is not h11.DONE:
                return
            connection.start_next_cycle()
    except h11.RemoteProtocolError:
        return


ANSWER = re.compile(rb"HTTP/1\.1 (\d+) [^\r]*\r\n(.*?)\r\n\r\n", re.DOTALL)
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def read_answers(answer: bytes) -> Iterator[tuple[int, bytes]]:
    """Each final answer's status and body."""
    while answer:
        if answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\n"):
            answer = answer.partition(b"\r\n\r\n")[2]
            continue
        head = ANSWER.match(answer)
        assert head, answer
        length = LENGTH.search(head[2])
        end = head.end() + int(length[1]) if length else len(answer)
        yield int(head[1]), answer[head.end() : end]
        answer = answer[end:]
