"""CB1xx: what is found in settings, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.migration import look
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.rule_book import FINDERS
from compat_tests.migrate.trees import (
    ASGI,
    DONE,
    MANAGE,
    SETTINGS,
    found,
    migrated,
    migration,
    settings,
    write,
)

REDIS = '"BACKEND": "channels_redis.core.RedisChannelLayer"'
GRPC = '"BACKEND": "channels_bridge.layers.GrpcChannelLayer"'
HOSTS = '"hosts": [("127.0.0.1", 6379)]'


def layers(*entries: str) -> str:
    return f'CHANNEL_LAYERS = {{"default": {{{", ".join(entries)}}}}}'


def config(*entries: str) -> str:
    return f'"CONFIG": {{{", ".join(entries)}}}'


def test_nothing_to_do(tmp_path: Path) -> None:
    """A project that is switched has no findings."""
    assert found(tmp_path, {}) == []


#: Lists of applications, before and after.
APPS = {
    "one line": ('["a", "b"]', '["channels_bridge", "a", "b"]'),
    "empty": ("[]", '["channels_bridge"]'),
    "empty tuple": ("()", '("channels_bridge",)'),
    "tuple": ("('a', 'b')", "('channels_bridge', 'a', 'b')"),
    "lines": ('[\n    "a",\n]', '[\n    "channels_bridge",\n    "a",\n]'),
    "comments": (
        '[  # all\n    # Django\n    "a",\n]',
        '[  # all\n    "channels_bridge",\n    # Django\n    "a",\n]',
    ),
    "daphne first": ('[\n    "daphne",\n    "a",\n]', '[\n    "channels_bridge",\n    "a",\n]'),
    "daphne in one line": ('["daphne", "a"]', '["channels_bridge", "a"]'),
    "daphne last": ('["a", "daphne"]', '["channels_bridge", "a"]'),
    "daphne last in lines": (
        '[\n    "a",\n    "daphne"\n]',
        '[\n    "channels_bridge",\n    "a",\n]',
    ),
    "daphne with a comment": (
        '[\n    "a",\n    "daphne",  # first\n    "b",\n]',
        '[\n    "channels_bridge",\n    "a",\n    "b",\n]',
    ),
    "ours is late": (
        '["django.contrib.staticfiles", "channels_bridge"]',
        '["channels_bridge", "django.contrib.staticfiles"]',
    ),
    "sum": ('["a"] + ["b"]', '["channels_bridge", "a"] + ["b"]'),
}


@pytest.mark.parametrize("name", APPS)
def test_installed_apps(tmp_path: Path, name: str) -> None:
    """CB101 and CB102: ours comes first, Daphne goes, all else stays as it is written."""
    before, after = APPS[name]
    files = {"mysite/settings.py": f'INSTALLED_APPS = {before}\nASGI_APPLICATION = "a.b"\n'}
    new = migrated(tmp_path, files)["mysite/settings.py"]
    assert new == f'INSTALLED_APPS = {after}\nASGI_APPLICATION = "a.b"\n'


def test_apps_of_several_lists(tmp_path: Path) -> None:
    """The list that comes first gets ours, if it is used nowhere else."""
    text = 'A = ["a"]\nB = ["daphne", "b"]\nINSTALLED_APPS = A + B\nASGI_APPLICATION = "a.b"\n'
    new = migrated(tmp_path, {"mysite/settings.py": text})["mysite/settings.py"]
    assert new.startswith('A = ["channels_bridge", "a"]\nB = ["b"]\nINSTALLED_APPS = A + B\n')


@pytest.mark.parametrize(
    "statement",
    [
        'INSTALLED_APPS.insert(0, "daphne")',
        'INSTALLED_APPS += ["daphne"]',
        'INSTALLED_APPS = ["daphne"] + INSTALLED_APPS',
        'INSTALLED_APPS = (["daphne"] if DEBUG else []) + INSTALLED_APPS',
    ],
)
def test_daphne_that_is_added(tmp_path: Path, statement: str) -> None:
    """CB102: it is found, and left to people."""
    files = settings(statement)
    assert found(tmp_path, files) == [("CB102", "W", 3)]
    assert migrated(tmp_path, files)["mysite/settings.py"] == files["mysite/settings.py"]


@pytest.mark.parametrize(
    "line",
    ['HOSTS = ["daphne"]', 'SERVICE = "daphne"', '# INSTALLED_APPS += ["daphne"]'],
)
def test_daphne_elsewhere(tmp_path: Path, line: str) -> None:
    """The word is no evidence."""
    assert found(tmp_path, settings(line)) == []


#: CHANNEL_LAYERS, before and after ``--layer grpc``.
LAYERS = {
    "no config": (layers(REDIS), layers(GRPC)),
    "hosts only": (layers(REDIS, config(HOSTS)), layers(GRPC)),
    "config first": (layers(config(HOSTS), REDIS), layers(GRPC)),
    "pubsub": (layers(REDIS.replace("core.Redis", "pubsub.RedisPubSub")), layers(GRPC)),
    "capacity stays": (
        layers(REDIS, config(HOSTS, '"capacity": 1500', '"expiry": X')),
        layers(GRPC, config('"capacity": 1500', '"expiry": X')),
    ),
    "prefix stays": (
        layers(REDIS, config('"prefix": "chat"', HOSTS)),
        layers(GRPC, config('"prefix": "chat"')),
    ),
    "lines": (
        "CHANNEL_LAYERS = {\n    'default': {\n        'BACKEND': 'channels_redis.core."
        "RedisChannelLayer',\n        'CONFIG': {\n            'hosts': [('127.0.0.1', 6379)],\n"
        "        },\n    },\n}",
        "CHANNEL_LAYERS = {\n    'default': {\n        'BACKEND': 'channels_bridge.layers."
        "GrpcChannelLayer',\n    },\n}",
    ),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("layer", ["auto", "grpc"])
def test_layer(tmp_path: Path, name: str, layer: str) -> None:
    """CB103: the backend changes, what CONFIG says of Redis goes, the rest stays."""
    before, after = LAYERS[name]
    new = migrated(tmp_path, settings(before), layer=layer)["mysite/settings.py"]
    assert new == settings(after)["mysite/settings.py"]


#: Settings in which something speaks against another layer, or leaves its meaning open.
UNCERTAIN = {
    "other machine": [layers(REDIS, config('"hosts": [("redis", 6379)]'))],
    "hosts from the environment": [layers(REDIS, config('"hosts": [env("REDIS")]'))],
    "conditional": ["if X:", f"    {layers(REDIS)}"],
    "chosen": [layers('"BACKEND": A if B else "channels_redis.core.RedisChannelLayer"')],
    "changed": [layers(REDIS, config(HOSTS)), 'CHANNEL_LAYERS["default"]["CONFIG"]["x"] = 1'],
    "computed": ["CHANNEL_LAYERS = make()"],
    "unpacked": [layers(REDIS, config(HOSTS, "**MORE"))],
    "two": [layers(REDIS) + f' | {{"other": {{{REDIS}}}}}'],
    "prefix of Redis": [layers(REDIS, config(HOSTS, '"prefix": "a/b"'))],
}


@pytest.mark.parametrize("name", UNCERTAIN)
def test_layer_that_stays(tmp_path: Path, name: str) -> None:
    """CB103 and CB105 say what is there, and nothing is changed."""
    files = settings(*UNCERTAIN[name])
    assert {rule for rule, _, _ in found(tmp_path, files)} & {"CB103", "CB105"}
    assert migrated(tmp_path, files)["mysite/settings.py"] == files["mysite/settings.py"]


@pytest.mark.parametrize("layer", ["keep", "nats"])
def test_layer_is_kept(tmp_path: Path, layer: str) -> None:
    """``keep`` leaves it, and so does ``nats``, whose servers nobody can know."""
    files = settings(layers(REDIS, config(HOSTS)))
    assert (
        migrated(tmp_path, files, layer=layer)["mysite/settings.py"] == files["mysite/settings.py"]
    )


def test_two_aliases(tmp_path: Path) -> None:
    """Two layers at one address need prefixes, which people have to choose."""
    files = settings(f'CHANNEL_LAYERS = {{"default": {{{REDIS}}}, "other": {{{REDIS}}}}}')
    findings = migration(tmp_path, files).findings
    assert [(f.rule.id, f.edits, "prefix" in f.fix) for f in findings] == [("CB103", (), True)] * 2


def test_options_of_redis(tmp_path: Path) -> None:
    """CB104: beside our layer they are an error, and go."""
    files = settings(layers(GRPC, config(HOSTS, '"capacity": 9')))
    assert found(tmp_path, files) == [("CB104", "E", 3)]
    new = migrated(tmp_path, files)["mysite/settings.py"]
    assert new == settings(layers(GRPC, config('"capacity": 9')))["mysite/settings.py"]


@pytest.mark.parametrize(
    "lines, expected",
    [
        (['CHANNEL_LAYERS = {"default": {"BACKEND": env("X")}}'], [("CB105", "W", 3)]),
        ([layers('"BACKEND": "channels.layers.InMemoryChannelLayer"')], [("CB106", "W", 3)]),
        ([layers('"BACKEND": "channels_postgres.core.PostgresChannelLayer"')], [("CB110", "I", 3)]),
        ([layers('"BACKEND": "mysite.layers.Own"')], [("CB110", "I", 3)]),
        (
            [layers(REDIS, config('"symmetric_encryption_keys": [KEY]'))],
            [("CB103", "W", 3), ("CB109", "W", 3)],
        ),
    ],
)
def test_other_layers(tmp_path: Path, lines: list[str], expected: list[object]) -> None:
    """CB105, CB106, CB109 and CB110."""
    assert found(tmp_path, settings(*lines)) == expected


def test_layer_is_used_by_code(tmp_path: Path) -> None:
    """CB105: code that reads the hosts of Redis would fail, so they stay."""
    use = "from django.conf import settings\n\nhosts = settings.CHANNEL_LAYERS['default']\n"
    files = {**settings(layers(REDIS, config(HOSTS))), "chat/redis.py": use}
    assert ("CB105", "W", 3) in found(tmp_path, files)
    assert migrated(tmp_path, files)["mysite/settings.py"] == files["mysite/settings.py"]


def test_layer_is_changed_for_tests(tmp_path: Path) -> None:
    """CB105: settings for tests that reach into CONFIG would fail as well."""
    change = 'from .settings import *\n\nCHANNEL_LAYERS["default"]["CONFIG"]["hosts"] = []\n'
    files = {**settings(layers(REDIS, config(HOSTS))), "mysite/test_settings.py": change}
    assert ("CB105", "W", 3) in found(tmp_path, files)
    assert migrated(tmp_path, files)["mysite/settings.py"] == files["mysite/settings.py"]


def test_colon(tmp_path: Path) -> None:
    """CB107: a colon becomes a dot."""
    files = {"mysite/settings.py": SETTINGS.replace("asgi.application", "asgi:application")}
    assert found(tmp_path, files) == [("CB107", "E", 5)]
    assert migrated(tmp_path, files)["mysite/settings.py"] == SETTINGS


@pytest.mark.parametrize(
    "line, expected",
    [
        ('ASGI_APPLICATION = "mysite.asgi.app"', [("CB107", "E", 2)]),
        ('ASGI_APPLICATION = "mysite.routing.application"', [("CB107", "E", 2)]),
        ('ASGI_APPLICATION = "elsewhere.asgi.application"', []),
        ("X = 1", [("CB107", "E", 1)]),
    ],
)
def test_application(tmp_path: Path, line: str, expected: list[object]) -> None:
    """CB107: it has to be somewhere, as far as the project's own files tell."""
    files = {"mysite/settings.py": f'INSTALLED_APPS = ["channels_bridge"]\n{line}\n'}
    assert found(tmp_path, files) == expected


@pytest.mark.parametrize(
    "routing",
    [
        "application = make()",
        "from .asgi import application",
        "from .asgi import *",
        "def __getattr__(name):\n    pass",
        "try:\n    application = f()\nexcept E:\n    pass",
    ],
)
def test_application_is_defined(tmp_path: Path, routing: str) -> None:
    """In any of the ways in which a module has a name."""
    text = 'INSTALLED_APPS = ["channels_bridge"]\nASGI_APPLICATION = "mysite.routes.application"\n'
    files = {"mysite/settings.py": text, "mysite/routes.py": f"{routing}\n"}
    assert found(tmp_path, files) == []


@pytest.mark.parametrize(
    "package, module, expected",
    [("", "application = 1\n", []), ("application = 1\n", "", [("CB107", "mysite/settings.py")])],
)
def test_module_beside_manage(
    tmp_path: Path, package: str, module: str, expected: list[object]
) -> None:
    """A name is first looked for beside manage.py, where Python does; then above."""
    text = 'INSTALLED_APPS = ["channels_bridge"]\nASGI_APPLICATION = "mysite.application"\n'
    files = {"manage.py": "", "settings.py": text, "__init__.py": package, "mysite.py": module}
    write(tmp_path / "mysite", files)
    findings = look(Project(tmp_path), MigrateOptions(), FINDERS).findings
    assert [(one.rule.id, one.path) for one in findings] == expected


def test_two_projects(tmp_path: Path) -> None:
    """CB101: a project beside it, with a manage.py of its own and without Channels, stays."""
    files = {
        "service/manage.py": MANAGE.replace("mysite.", "service."),
        "service/service/settings.py": 'INSTALLED_APPS = ["django.contrib.auth"]\n',
    }
    without = {**files, **settings(apps="")}
    assert found(tmp_path, without) == [("CB101", "E", 1)]
    without["service/service/consumers.py"] = "import channels\n"
    assert found(tmp_path, without) == [("CB101", "E", 1), ("CB101", "E", 1)]


def test_settings_of_a_tutorial(tmp_path: Path) -> None:
    """CB108: settings that are not there are no settings to be served with."""
    files = {"mysite/asgi.py": ASGI.replace("mysite.settings", "tutorial.settings")}
    [finding] = migration(tmp_path, files).findings
    assert finding.rule.id == "CB108"
    assert finding.fix.startswith("Write mysite.settings there")


def test_different_settings(tmp_path: Path) -> None:
    """CB108: asgi.py and manage.py do not name the same."""
    files = {
        "mysite/asgi.py": ASGI.replace("mysite.settings", "mysite.production"),
        "mysite/production.py": "from mysite.settings import *\n",
    }
    assert found(tmp_path, files) == [("CB108", "E", 6)]


def test_split_settings(tmp_path: Path) -> None:
    """Modules that settings take all names of are settings, too; those for tests are not."""
    base = DONE["mysite/settings.py"].replace('    "channels_bridge",\n', "")
    files = {
        "mysite/settings.py": "from .parts.base import *\n",
        "mysite/parts/base.py": base,
        "tests/settings.py": base,
    }
    [finding] = migration(tmp_path, files).findings
    assert (finding.rule.id, finding.path) == ("CB101", "mysite/parts/base.py")
    assert migrated(tmp_path, files)["mysite/parts/base.py"] == SETTINGS
