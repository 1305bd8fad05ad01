"""Sockets that addresses are listened on: their files, and what can't be listened on."""

from __future__ import annotations

import os
import socket
import stat

import pytest

from channels_bridge.server.bind import parse_binds
from channels_bridge.server.errors import BindError
from channels_bridge.server.listen import listen


def test_occupied_port():
    """A port that another server has is named, with the way out."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(BindError, match="another server listens there"):
            listen(parse_binds([bind]))


def test_a_failing_bind_closes_the_others(socket_dir):
    """Where one address can't be had, none stays open behind."""
    path = socket_dir / "a.sock"
    with pytest.raises(BindError, match="directory does not exist"):
        listen(parse_binds([f"unix:{path}", f"unix:{socket_dir}/missing/b.sock"]))
    assert not path.exists()


def test_unknown_host():
    """A host name that doesn't resolve is named."""
    with pytest.raises(BindError, match="host name 'no-such-host.invalid' is unknown"):
        listen(parse_binds(["no-such-host.invalid:0"]))


def test_foreign_address():
    """An address of another machine can't be listened on."""
    with pytest.raises(BindError, match="not an address of this machine"):
        listen(parse_binds(["192.0.2.1:0"]))


def test_unix_socket_mode_and_removal(socket_dir):
    """A web server that runs as another user can connect, and no file is left at the end."""
    path = socket_dir / "a.sock"
    (listener,) = listen(parse_binds([f"unix:{path}"]))
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    listener.close()
    assert not path.exists()


def test_stale_unix_socket_is_replaced(socket_dir):
    """The file that a killed server left doesn't keep the next one from starting."""
    path = socket_dir / "a.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    (listener,) = listen(parse_binds([f"unix:{path}"]))
    listener.close()


def test_live_unix_socket_is_an_error(socket_dir):
    """A socket file that a server listens on is left to it."""
    path = socket_dir / "a.sock"
    (listener,) = listen(parse_binds([f"unix:{path}"]))
    with pytest.raises(BindError, match="another server listens there"):
        listen(parse_binds([f"unix:{path}"]))
    assert path.exists()
    listener.close()


def test_a_successors_socket_is_not_removed(socket_dir):
    """A server that ends late doesn't take away the socket of the one that replaced it."""
    path = socket_dir / "a.sock"
    (old,) = listen(parse_binds([f"unix:{path}"]))
    os.rename(path, socket_dir / "moved.sock")
    (new,) = listen(parse_binds([f"unix:{path}"]))
    old.close()
    assert path.exists()
    new.close()


def test_a_file_in_the_way_is_kept(socket_dir):
    """A file that is no socket is never removed."""
    path = socket_dir / "a.sock"
    path.write_text("precious")
    with pytest.raises(BindError, match="there is a file that is not a socket"):
        listen(parse_binds([f"unix:{path}"]))
    assert path.read_text() == "precious"


def test_inherited_socket():
    """A listening socket that systemd or supervisor opened is served as it is."""
    inherited = socket.create_server(("127.0.0.1", 0))
    port = inherited.getsockname()[1]
    (listener,) = listen(parse_binds([f"fd:{inherited.detach()}"]))
    assert listener.url() == f"http://127.0.0.1:{port}/"
    listener.close()


def test_fd_that_is_no_listening_socket():
    """A descriptor of something else is refused and left open."""
    left, right = socket.socketpair()
    with left, right, pytest.raises(BindError, match="not a listening stream socket"):
        listen(parse_binds([f"fd:{left.fileno()}"]))
    with pytest.raises(BindError, match="not an open socket"):
        listen(parse_binds(["fd:999"]))


def test_every_address_of_a_name_has_the_same_port():
    """``localhost:0`` is one port, for IPv4 and IPv6 alike."""
    listeners = listen(parse_binds(["localhost:0"]))
    assert len({listener.sock.getsockname()[1] for listener in listeners}) == 1
    for listener in listeners:
        listener.close()
