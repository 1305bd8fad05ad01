"""Every numbered behaviour of Channels and its servers, and what shows ours.

A scenario says in ``covers`` which behaviours it shows; what no scenario can show has a test here,
or does not apply for the reason given. ``test_coverage.py`` checks that nothing is left out.

    H  handshake         A  after acceptance   S  scope           R  routing
    P  proxies           X  unix sockets       L  channel layer   C  consumers
    O  origin, sessions  W  runworker          T  testing         G  runserver
    D  options of Daphne's command             U  uvicorn's defaults
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One behaviour.

    Args:
        says: the behaviour, of Channels under Daphne unless another is named.
        tests: what shows ours, besides scenarios: ``file.py::test``, below ``compat_tests/``.
        inapplicable: why there is nothing to show.
    """

    says: str
    tests: tuple[str, ...] = ()
    inapplicable: str = ""


LAYER = "groups/test_layer.py::"
SURFACE = "surface/test_surface.py::test_module"
COMMUNICATORS = "surface/test_communicators.py::"
RUNSERVER = "management/test_runserver.py::"
LINES = "differences/test_lines.py::"

BEHAVIOURS = {
    "H1": Line("`websocket.close` before acceptance is a 403 with an empty body"),
    "H2": Line("the application is then told of a disconnect with 1006"),
    "H3": Line("an exception before acceptance is a 500"),
    "H4": Line("an application that returns before acceptance: dropped after 5 s"),
    "H5": Line("an application that never decides: dropped after 5 s"),
    "H6": Line("`websocket.http.response.*` is ignored"),
    "H7": Line("headers of `websocket.accept` are ignored"),
    "H8": Line("a subprotocol that was offered is accepted"),
    "H9": Line("a subprotocol that was not offered: dropped after 5 s"),
    "H10": Line("messages are never compressed"),
    "H11": Line("no route: ValueError, 500"),
    "H12": Line("`DenyConnection`, or `close()` in `connect()`: 403, then `disconnect(1006)`"),
    "H13": Line("an exception in `connect()`: 500, and no `disconnect()`"),
    "H14": Line("`connect()` that neither accepts nor closes: dropped after 5 s"),
    "H15": Line("`connect()` accepts by default"),
    "H16": Line("declared groups are joined before `connect()`; without a layer it is an error"),
    "A1": Line("an exception closes with 1011"),
    "A2": Line("an application that returns leaves the connection open"),
    "A3": Line("the client gets the code of `websocket.close`, and no reason"),
    "A4": Line("the application is told of a disconnect with its own code"),
    "A5": Line("codes other than 1000 and 3000 to 4999 are refused with an exception"),
    "A5b": Line("`websocket.send` before acceptance is an error, 500"),
    "A6": Line("empty messages are not sent"),
    "A7": Line("text and bytes at once are an error"),
    "A8": Line("a message after one's own close is an error"),
    "A9": Line("a message after the client has left is silently dropped"),
    "A10": Line("the application is told the client's code, and no reason"),
    "A11": Line("a dropped connection is a disconnect with 1006"),
    "A12": Line("a message over the limit: dropped"),
    "A13": Line("`websocket.receive` has text or bytes, not both"),
    "A14": Line("what a client does not read is buffered without a bound"),
    "A15": Line(
        "SIGTERM drops connections, `disconnect()` does not run, exit code 0",
        ("parity/test_shutdown.py::test_shutdown",),
    ),
    "A16": Line("an exception in a handler: 1011, no `disconnect()`, groups are not left"),
    "A17": Line("`StopConsumer` leaves the connection open"),
    "A18": Line("`send(..., close=code)` sends, then closes"),
    "A19": Line("`disconnect()` is always given a code"),
    "A20": Line("a slow `disconnect()` is cancelled"),
    "A21": Line("groups are left, then `disconnect()` runs, then the consumer stops"),
    "A22": Line("a consumer handles one message at a time, in order, socket and layer alike"),
    "S1": Line("the scope's keys: no scheme, http_version, state, extensions"),
    "S2": Line("headers: lower case, none with an underscore, repeated ones joined"),
    "S3": Line("query_string is undecoded; a target that is not ASCII is a 400"),
    "S4": Line("path is decoded, raw_path is not"),
    "S5": Line("client and server are [host, port]; None on a unix socket"),
    "S6": Line("subprotocols are in the client's order"),
    "S7": Line("Channels adds url_route, path_remaining, cookies, session, user, to a copy"),
    "S8": Line(
        "uvicorn: state comes from lifespan; an application without lifespan is no error",
        ("server/websocket/test_handshake.py::test_scope",),
    ),
    "S9": Line("extensions that are offered are announced"),
    "R1": Line("no application for the type: ValueError"),
    "R2": Line("no route: ValueError; in a nested router the next route is tried"),
    "R3": Line("`include()` is refused", (SURFACE, LINES + "test_include_is_refused")),
    "R4": Line("arguments of nested routers are merged"),
    "R5": Line("the root path is taken off the path; a path without it has no route"),
    "R6": Line("patterns match without the leading slash"),
    "R7": Line("`ChannelNameRouter` needs a channel", (LINES + "test_channel_name_router",)),
    "P1": Line("`--root-path` leaves the path as it is; uvicorn puts it in front"),
    "P2": Line("`--proxy-headers` believes anyone, and takes the first address"),
    "P3": Line("uvicorn believes 127.0.0.1", ("server/test_proxy.py::test_client",)),
    "P4": Line("runserver's root path is FORCE_SCRIPT_NAME", (LINES + "test_force_script_name",)),
    "X1": Line(
        "sockets have mode 0666", ("server/test_listen.py::test_unix_socket_mode_and_removal",)
    ),
    "X2": Line("and are removed", ("server/test_listen.py::test_unix_socket_mode_and_removal",)),
    "X3": Line(
        "a stale socket stops the server from starting",
        ("server/test_listen.py::test_stale_unix_socket_is_replaced",),
    ),
    "X4": Line("`--fd`", ("server/test_listen.py::test_inherited_socket",)),
    "L1": Line("expiry 60, capacity 100, names under 100", (LINES + "test_layer_defaults",)),
    "L2": Line(
        "names are checked, with these words; `valid_*_name` are deprecated",
        (LAYER + "test_bad_names", LINES + "test_deprecated_checks"),
    ),
    "L3": Line("an unknown alias is None", ("surface/test_native_names.py::test_no_layer",)),
    "L4": Line(
        "BACKEND, CONFIG, TEST_CONFIG; `set()`; a changed setting drops layers",
        (LINES + "test_layer_manager", "surface/test_native_names.py::test_channels_setting"),
    ),
    "L5": Line(
        "`send()`: a dict, without `__asgi_channel__`; ChannelFull over capacity",
        (LAYER + "test_bad_messages", LAYER + "test_capacity"),
    ),
    "L6": Line("`group_send()` skips full members", (LAYER + "test_full_member",)),
    "L7": Line(
        "unread messages expire, memberships too",
        (
            LAYER + "test_expiry",
            LAYER + "test_expired_message_ends_no_membership",
            LAYER + "test_group_expiry",
        ),
    ),
    "L8": Line("groups and flush", (LAYER + "test_extensions", LAYER + "test_flush")),
    "L9": Line(
        "names of channels: prefix, process, `!`, rest",
        (LAYER + "test_new_channel", LAYER + "test_client_prefix"),
    ),
    "L10": Line("only the owner receives from a channel", (LAYER + "test_foreign_channel",)),
    "L11": Line(
        "messages are isolated; tuples become lists; a megabyte fits",
        (
            LAYER + "test_isolation",
            "groups/test_codec.py::test_tuples_become_lists",
            "groups/test_codec.py::test_a_mebibyte",
        ),
    ),
    "L12": Line(
        "at most once, in order; new members get later messages only",
        (
            LAYER + "test_send_receive",
            "groups/test_transport_contract.py::test_order",
            LINES + "test_new_member",
        ),
    ),
    "L13": Line(
        "channels_redis: all connections of a process share one capacity",
        (LINES + "test_own_capacity",),
    ),
    "L14": Line("channel_capacity fails on first use", (LAYER + "test_channel_capacity",)),
    "L15": Line(
        "channels_redis.pubsub checks and bounds nothing",
        inapplicable="that layer's own; under our server it goes on as it is, see third_party/",
    ),
    "L16": Line(
        "synchronous code may send, again and again and from many threads",
        (
            "groups/test_forks_and_threads.py::test_caller",
            "callers/test_callers.py::test_caller",
            LAYER + "test_event_loops_come_and_go",
        ),
    ),
    "C1": Line("a type names its handler; none, or one with an underscore first, is an error"),
    "C2": Line("an instance per connection, with the arguments of `as_asgi()`"),
    "C3": Line("channel_layer_alias, channel_name, channel_layer, scope, groups"),
    "C4": Line("synchronous consumers run in a thread"),
    "C5": Line("`accept()`, `close()`, `send()`; nothing to send is a ValueError"),
    "C6": Line("JSON consumers refuse binary and empty messages"),
    "C7": Line("`AsyncHttpConsumer` gets the whole body"),
    "O1": Line("no Origin is refused unless any is allowed; 403"),
    "O2": Line(
        "ALLOWED_HOSTS is read once; DEBUG allows localhost", (LINES + "test_allowed_hosts",)
    ),
    "O3": Line("a WebSocket does not save its session"),
    "O4": Line(
        "`login()`, `logout()`, `get_user()`; the user stays",
        ("parity/test_scope.py::test_login_and_logout", "parity/test_scope.py::test_user_stays"),
    ),
    "W1": Line(
        "`runworker --layer`, an error without one", ("surface/test_runworker.py::test_no_layer",)
    ),
    "W2": Line("one consumer per channel", ("surface/test_runworker.py::test_workers",)),
    "W3": Line("messages need a type", ("surface/test_runworker.py::test_no_type",)),
    "W4": Line("messages cross processes", ("surface/test_runworker.py::test_workers",)),
    "T1": Line(
        "`connect()` of the communicator",
        (COMMUNICATORS + "test_accepted", COMMUNICATORS + "test_refused"),
    ),
    "T2": Line(
        "its other methods",
        (
            COMMUNICATORS + "test_messages",
            COMMUNICATORS + "test_nothing_to_receive",
            COMMUNICATORS + "test_wrong_type",
            COMMUNICATORS + "test_exactly_one",
            COMMUNICATORS + "test_disconnect",
        ),
    ),
    "T3": Line("its scope", (COMMUNICATORS + "test_scope",)),
    "T4": Line(
        "it patches `channels.db`",
        (COMMUNICATORS + "test_database_stays_open", "surface/test_patching.py::test_database"),
    ),
    "T5": Line(
        "a timeout cancels the application",
        (COMMUNICATORS + "test_timeout", COMMUNICATORS + "test_exception"),
    ),
    "T6": Line(
        "the other communicators", (COMMUNICATORS + "test_http", COMMUNICATORS + "test_application")
    ),
    "T7": Line("`ChannelsLiveServerTestCase`", ("surface/test_testing.py::test_live_servers",)),
    "G1": Line("runserver's options", (RUNSERVER + "test_limits", RUNSERVER + "test_noasgi")),
    "G2": Line("it needs ASGI_APPLICATION", ("test_checks.py::test_nothing_to_serve",)),
    "G3": Line("static files", (RUNSERVER + "test_static_options",)),
    "G4": Line("its lines", (RUNSERVER + "test_pages_static_files_and_sockets",)),
    "G5": Line("it reloads", (RUNSERVER + "test_reload",)),
    "G6": Line("it comes before staticfiles", ("test_checks.py::test_runserver_is_not_ours",)),
    "D1": Line("each option of Daphne's command", (LINES + "test_options_of_daphne",)),
    "D2": Line("each default", (LINES + "test_defaults_of_daphne",)),
    "D3": Line(
        "the whole body is read before the application starts",
        inapplicable="pages are uvicorn's, which streams; parity/test_http.py has large bodies",
    ),
    "U1": Line(
        "messages up to 16 MiB: ours are Daphne's 1 MiB", (LINES + "test_defaults_of_daphne",)
    ),
    "U2": Line(
        "32 messages are read ahead",
        ("server/websocket/test_flow_control.py::test_a_client_that_floods_is_read_no_further",),
    ),
    "U3": Line(
        "pings, and 1011 without a pong", ("server/websocket/test_connection.py::test_keepalive",)
    ),
    "U4": Line(
        "messages are compressed", ("server/websocket/test_compression.py::test_compression",)
    ),
    "U5": Line("proxy headers, lifespan", ("server/test_proxy.py::test_both_protocols",)),
    "U6": Line(
        "it waits for ever when it stops",
        ("server/websocket/test_disconnect.py::test_shutdown_cancels_what_does_not_return",),
    ),
    "U7": Line(
        "--limit-concurrency",
        inapplicable="off by default; a proxy in front knows better what a site can bear",
    ),
    "U8": Line(
        "1012 at once when it stops, 500 for a handshake",
        ("server/websocket/test_disconnect.py::test_shutdown_is_1001",),
    ),
}

#: How many behaviours each kind has. A5b is one more.
COUNTS = {
    "H": 16, "A": 22, "S": 9, "R": 7, "P": 4, "X": 4, "L": 16, "C": 7, "O": 4, "W": 4, "T": 7,
    "G": 6, "D": 3, "U": 8,
}  # fmt: skip
