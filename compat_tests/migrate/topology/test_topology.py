"""What runs where, and what keeps it from reaching the server's groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat_tests.migrate.trees import migration, settings

TASK = "@shared_task\ndef tell():\n    async_to_sync(get_channel_layer().group_send)('a', {})\n"
VIEW = "def tell(request):\n    async_to_sync(get_channel_layer().group_send)('a', {})\n"
CONSUMER = "class Chat(AsyncConsumer):\n    async def a(self):\n        await self.l.group_send()\n"
WEB = "  web:\n    command: python manage.py websockets_server\n"
COMPOSE = f"services:\n{WEB}  celery:\n    command: celery -A mysite worker\n"
UNIT = "[Service]\nUser={}\nExecStart=/v/bin/python manage.py websockets_server\n"
CELERY = "[Service]\nUser={}\nExecStart=/v/bin/celery -A mysite worker\n"
REDIS = (
    'CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", '
    '"CONFIG": {"hosts": ["redis://redis"]}}}'
)


def of_topology(root: Path, files: dict[str, str]) -> list[tuple[str, str]]:
    """The rule and severity of each finding about what runs where."""
    findings = migration(root, files).findings
    return [(f.rule.id, f.severity.value) for f in findings if f.rule.id.startswith("CB3")]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"tasks.py": TASK}, [("CB301", "E")]),
        ({"app/management/commands/tell.py": VIEW}, [("CB301", "E")]),
        ({"views.py": VIEW}, [("CB301", "W")]),
        ({"consumers.py": CONSUMER}, []),
        ({"tests/test_chat.py": TASK}, []),
        ({"tasks.py": TASK, **settings(REDIS.replace("redis.core.Redis", "x.Nats"))}, []),
        ({}, []),
    ],
)
def test_workers_of_a_task_queue(tmp_path: Path, files: dict[str, str], expected: object) -> None:
    """A worker in a container of its own matters where tasks send to groups."""
    assert of_topology(tmp_path, {"compose.yml": COMPOSE, **files}) == expected


@pytest.mark.parametrize(
    ("command", "file", "count"),
    [
        ("gunicorn config.wsgi", {"views.py": VIEW}, 1),
        ("sh -c 'uwsgi --ini uwsgi.ini'", {"views.py": VIEW}, 1),
        ("gunicorn config.wsgi", {"tasks.py": TASK}, 0),
        ("gunicorn mysite.asgi -k uvicorn.workers.UvicornWorker", {"views.py": VIEW}, 0),
    ],
)
def test_pages_beside_the_server(
    tmp_path: Path, command: str, file: dict[str, str], count: int
) -> None:
    """A server of pages in a container of its own matters where views send to groups."""
    compose = f"services:\n{WEB}  pages:\n    command: {command}\n"
    found = of_topology(tmp_path, {"compose.yml": compose, **file})
    assert [severity for rule, severity in found if rule == "CB301"] == ["W"] * count


def test_runworker(tmp_path: Path) -> None:
    """What reads channels of its own needs the layer, whoever sends."""
    compose = f"services:\n{WEB}  worker:\n    command: python manage.py runworker jobs\n"
    assert of_topology(tmp_path, {"compose.yml": compose}) == [("CB301", "E")]


def test_queue_beside_the_server(tmp_path: Path) -> None:
    """In one container they find each other; what only plans tasks sends nothing."""
    compose = f"services:\n{WEB}  beat:\n    command: celery -A mysite beat\n"
    assert of_topology(tmp_path, {"compose.yml": compose, "tasks.py": TASK}) == []


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ("    deploy:\n      replicas: 3\n", 1),
        ("    scale: 2\n", 1),
        ("    scale: ${N}\n", 0),
        (WEB.replace("web:", "web2:"), 1),
        (WEB.replace("web:", "web2:") + "    profiles: [debug]\n", 0),
        ("    read_only: true\n", 1),
        ("    read_only: true\n    tmpfs: /tmp\n", 0),
    ],
)
def test_containers(tmp_path: Path, more: str, count: int) -> None:
    """Several containers have groups each; a server needs a /tmp that it can write."""
    assert len(of_topology(tmp_path, {"compose.yml": f"services:\n{WEB}{more}"})) == count


@pytest.mark.parametrize(("replicas", "count"), [(1, 0), (3, 1)])
def test_deployments(tmp_path: Path, replicas: int, count: int) -> None:
    """So do several Pods."""
    manifest = (
        f"kind: Deployment\nspec:\n  replicas: {replicas}\n  template:\n    spec:\n"
        '      containers:\n      - command: ["python", "manage.py", "websockets_server"]\n'
    )
    assert len(of_topology(tmp_path, {"web.yaml": manifest})) == count


@pytest.mark.parametrize(
    ("platform", "count"), [({"app.json": "{}"}, 1), ({"heroku.yml": "a: b\n"}, 1), ({}, 0)]
)
def test_platforms(tmp_path: Path, platform: dict[str, str], count: int) -> None:
    """Processes of a platform share nothing; with a developer's tool they do."""
    procfile = "web: python manage.py websockets_server\nworker: celery -A mysite worker\n"
    files = {"Procfile": procfile, "tasks.py": TASK, **platform}
    assert of_topology(tmp_path, files) == [("CB304", "W")] * count


@pytest.mark.parametrize(
    ("server", "worker", "count"),
    [
        (UNIT.format("web"), CELERY.format("web"), 0),
        (UNIT.format("web"), CELERY.format("celery"), 1),
        (UNIT.format("web") + "PrivateTmp=yes\n", CELERY.format("web"), 1),
        (UNIT.format("web") + "PrivateTmp=no\n", CELERY.format("web"), 0),
    ],
)
def test_units_that_are_kept_apart(tmp_path: Path, server: str, worker: str, count: int) -> None:
    """Users and directories of their own keep units apart."""
    files = {"web.service": server, "celery.service": worker, "tasks.py": TASK}
    assert of_topology(tmp_path, files) == [("CB303", "E")] * count


UPGRADE = (
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;"
    ' proxy_set_header Connection "upgrade";'
)


@pytest.mark.parametrize(
    ("location", "count"),
    [
        ("location /ws/ { proxy_pass http://a; }", 1),
        ("location /ws/ { proxy_pass http://a; # " + UPGRADE + "\n }", 1),
        ("location /ws/ { proxy_pass http://a; " + UPGRADE + " }", 0),
        ("location /ws/ { proxy_pass http://a; include proxy_params; }", 0),
        (UPGRADE + " location ~ ^/ws { proxy_pass http://a; }", 0),
        (UPGRADE + " location /ws { proxy_pass http://a; proxy_set_header Host $host; }", 1),
        ("location / { proxy_pass http://a; }", 0),
        ("location /news/ { proxy_pass http://a; }", 0),
        ("location /a { proxy_pass http://a; " + UPGRADE[24:] + " }", 1),
        ("location /a { proxy_pass http://a; proxy_read_timeout 10s; " + UPGRADE + " }", 1),
        ("location /a { proxy_pass http://a; proxy_read_timeout 60; " + UPGRADE + " }", 0),
        ("location /ws { proxy_pass 'http://a;", 1),
    ],
)
def test_nginx(tmp_path: Path, location: str, count: int) -> None:
    """A location for WebSockets passes their headers on, and waits for longer than pings."""
    files = {"nginx.conf": "http { server { " + location + " } }\n"}
    assert of_topology(tmp_path, files) == [("CB305", "W")] * count


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, 1),
        ({"cache.py": "import redis\n"}, 0),
        ({"mysite/celery.py": "app = Celery('a', broker='amqp://')\n"}, 0),
    ],
)
def test_redis(tmp_path: Path, files: dict[str, str], count: int) -> None:
    """Redis may go where nothing but the layer uses it."""
    compose = "services:\n  redis:\n    image: redis:7-alpine\n"
    files = {"compose.yml": compose, **settings(REDIS), **files}
    assert of_topology(tmp_path, files) == [("CB306", "I")] * count
