"""What a start command depends on elsewhere in the project, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat_tests.migrate.trees import SETTINGS, migrated, migration

COMMAND = "daphne -b 0.0.0.0 -p 8000 mysite.asgi:application"
MANAGE = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.local")\n'


def of_rule(rule: str, root: Path, files: dict[str, str], **options: object) -> list[str]:
    """Messages and fixes of a rule's findings."""
    findings = migration(root, files, **options).findings
    return [f"{finding.message}\n{finding.fix}" for finding in findings if finding.rule.id == rule]


@pytest.mark.parametrize(
    ("server", "rule"),
    [
        ("daphne", "CB201"),
        ("uvicorn", "CB202"),
        ("gunicorn -k uvicorn_worker.UvicornWorker", "CB203"),
        ("hypercorn", "CB204"),
        ("granian --interface asgi", "CB205"),
    ],
)
def test_rule_of_each_server(tmp_path: Path, server: str, rule: str) -> None:
    """Each server has a rule of its own."""
    (text,) = of_rule(rule, tmp_path, {"Procfile": f"web: {server} mysite.asgi:application\n"})
    assert "python manage.py websockets_server" in text


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"mysite/settings.py": "INSTALLED_APPS = []\n"}, "ASGI_APPLICATION is missing"),
        (
            {"mysite/settings.py": SETTINGS.replace("asgi.app", "routing.app")},
            "'mysite.routing.application'; the command serves 'mysite.asgi.application'",
        ),
        ({"mysite/settings.py": "ASGI_APPLICATION = name\n"}, "is computed"),
        ({"manage.py": MANAGE, ".env": "DJANGO_SETTINGS_MODULE=x\n"}, ".env sets DJANGO_SET"),
        ({"Dockerfile": "FROM x\nENV PYTHONPATH=/lib\nWORKDIR /app\n"}, "PYTHONPATH in Dockerfile"),
        ({"Procfile": "web: daphne other.asgi:application\n"}, "no file of the project is the"),
    ],
)
def test_depends_on_the_project(tmp_path: Path, files: dict[str, str], words: str) -> None:
    """Where the project leaves a doubt, the command is proposed, and the doubt is named."""
    files = {"Procfile": f"web: {COMMAND}\n", **files}
    (text,) = of_rule("CB201", tmp_path, files)
    assert words in text
    assert migrated(tmp_path, files)["Procfile"] == files["Procfile"]


def test_in_another_directory(tmp_path: Path) -> None:
    """manage.py has to be where the module is found from."""
    files = {"src/site2/asgi.py": "import channels\n", "Procfile": "web: daphne site2.asgi:app\n"}
    (text,) = of_rule("CB213", tmp_path, files)
    assert "manage.py is not in src/" in text


@pytest.mark.parametrize(
    "variables", ["UVICORN_PORT=1", "export FORWARDED_ALLOW_IPS=x", "ENV UVICORN_WORKERS=3"]
)
def test_options_in_the_environment(tmp_path: Path, variables: str) -> None:
    """Options may come from variables, which are not followed."""
    files = {"run.sh": f"{variables}\nuvicorn mysite.asgi:application\n"}
    (text,) = of_rule("CB202", tmp_path, files)
    assert "is an option, too" in text


def test_settings_of_asgi(tmp_path: Path) -> None:
    """Where manage.py names other settings, the command names those of asgi.py."""
    files = {"manage.py": MANAGE, "Procfile": f"web: {COMMAND}\n"}
    text = migrated(tmp_path, files)["Procfile"]
    assert text.endswith("websockets_server -b 0.0.0.0:8000 -w 1 --settings mysite.settings\n")


def test_wanted_workers_and_address(tmp_path: Path) -> None:
    """What the tool is told counts before what the command says."""
    files = {"Procfile": "web: uvicorn --fd 3 --workers 2 mysite.asgi:application\n"}
    text = migrated(tmp_path, files, workers=4, bind="unix:/x")["Procfile"]
    assert text == "web: python manage.py websockets_server -b unix:/x -w 4\n"


@pytest.mark.parametrize(
    ("server", "variable", "ends"),
    [("daphne", "X", ":80"), ("daphne", "WEB_CONCURRENCY", "-w 1"), ("uvicorn", "WEB_CONC", "1")],
)
def test_workers_of_the_environment(tmp_path: Path, server: str, variable: str, ends: str) -> None:
    """A server that does not read WEB_CONCURRENCY had one process, and keeps it."""
    run = f"{server} --port 80 mysite.asgi:application"
    text = migrated(tmp_path, {"run.sh": run, ".env": f"{variable}=4\n"})["run.sh"]
    assert text.endswith(ends)


def test_other_frameworks(tmp_path: Path) -> None:
    """An application beside the project is left alone."""
    files = {"api/main.py": "import fastapi\n", "Procfile": "api: uvicorn api.main:app\n"}
    assert of_rule("CB202", tmp_path, files) == []


def test_options_without_counterpart(tmp_path: Path) -> None:
    """What is left out is said, and what has to be decided."""
    files = {"Procfile": "web: daphne -v2 --http-timeout 9 mysite.asgi:application\n"}
    left_out, asked = of_rule("CB206", tmp_path, files)
    assert left_out.startswith("`-v 2`") and "(left out)" in left_out
    assert asked.startswith("`--http-timeout 9`: no limit")


def test_proxies(tmp_path: Path) -> None:
    """Whose headers are believed is asked, unless the address says it."""
    files = {"Procfile": "web: daphne -b 0.0.0.0 --proxy-headers mysite.asgi:application\n"}
    (text,) = of_rule("CB207", tmp_path, files)
    assert "--forwarded-allow-ips" in text
    files = {"Procfile": "web: daphne --proxy-headers mysite.asgi:application\n"}
    assert of_rule("CB207", tmp_path, files) == []


def test_endpoints(tmp_path: Path) -> None:
    """The files of an endpoint become options."""
    files = {"run.sh": "daphne -e ssl:443:privateKey=k:certKey=c mysite.asgi:application\n"}
    assert len(of_rule("CB208", tmp_path, files)) == 1
    assert migrated(tmp_path, files)["run.sh"] == (
        "python manage.py websockets_server -b 0.0.0.0:443 --ssl-certfile c --ssl-keyfile k\n"
    )


def test_documentation(tmp_path: Path) -> None:
    """Pages that name a command are named."""
    files = {"README.md": f"Start:\n\n    $ {COMMAND}\n\nWe like daphne.\n"}
    (text,) = of_rule("CB603", tmp_path, files)
    assert "python manage.py websockets_server -b 0.0.0.0:8000" in text


def test_several_ports(tmp_path: Path) -> None:
    """Servers on ports of their own could be one with workers."""
    lines = [f"daphne -p {port} mysite.asgi:application &\n" for port in (8001, 8002)]
    (text,) = of_rule("CB210", tmp_path, {"run.sh": "".join(lines)})
    assert "8001, 8002" in text and "-w 2" in text


def test_units(tmp_path: Path) -> None:
    """A unit is told what it lacks, before the switch and after."""
    unit = "[Service]\nType=notify\nExecStart=/v/bin/daphne mysite.asgi:application\n"
    (text,) = of_rule("CB211", tmp_path, {"a.service": unit})
    assert "KillMode=mixed" in text and "Type=" not in text
    migrated(tmp_path, {"a.service": unit})
    (again,) = of_rule("CB211", tmp_path, {})
    assert again == text
    other = {"daphne.service": "[Service]\nExecStart=/bin/sleep 1\n", "a.service": "[Service]\n"}
    assert of_rule("CB211", tmp_path, other) == []


@pytest.mark.parametrize(
    ("line", "count"),
    [
        (f"CMD {COMMAND}", 1),
        (f"CMD exec {COMMAND}", 0),
        (f'CMD ["sh", "-c", "sleep 1; {COMMAND}"]', 1),
        (f'CMD ["sh", "-c", "exec {COMMAND}"]', 0),
        (f"CMD {COMMAND} | tee log", 1),
        ("CMD python manage.py websockets_server", 1),
        ('CMD ["python", "manage.py", "websockets_server"]', 0),
    ],
)
def test_shells(tmp_path: Path, line: str, count: int) -> None:
    """A shell in a container hands over by ``exec``."""
    assert len(of_rule("CB212", tmp_path, {"Dockerfile": f"FROM x\n{line}\n"})) == count


@pytest.mark.parametrize(
    ("path", "line", "count"),
    [
        ("check.sh", "pgrep -f daphne", 1),
        ("check.sh", "ps aux | grep [d]aphne", 0),
        ("check.sh", "ps aux | grep daphne", 1),
        ("check.sh", "pkill -f gunicorn", 0),
        ("Dockerfile", "HEALTHCHECK --interval=5s CMD pidof daphne || exit 1", 1),
        ("app.py", "import sys\nserves = 'daphne' in sys.argv[0]", 1),
        ("app.py", "hosts = ['daphne']", 0),
    ],
)
def test_health_checks(tmp_path: Path, path: str, line: str, count: int) -> None:
    """What looks for the process of a server that the project starts finds none any more."""
    files = {"Procfile": f"web: {COMMAND}\n", path: f"{line}\n"}
    assert len(of_rule("CB214", tmp_path, files)) == count
