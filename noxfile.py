"""What is run on the project, as nox sessions. Versions and tools are in pyproject.toml."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox
from packaging.requirements import Requirement

nox.options.sessions = ["tests", "lint", "types"]
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).resolve().parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
MATRIX = PYPROJECT["tool"]["channels_bridge"]["matrix"]
WIRE = "channels_bridge/groups/wire/v1"

# One process more than there are cores: many tests wait for other processes. `-- -n 0` runs all
# tests in one, as plain `pytest` does; see compat_tests/parallel.py.
SIDE_BY_SIDE = ["-n", str(min(os.cpu_count() or 1, 7) + 1)]


def group(name: str) -> list[str]:
    """What a dependency group of pyproject.toml installs."""
    return list(nox.project.dependency_groups(PYPROJECT, name))


def oldest() -> list[str]:
    """The oldest releases that are allowed, of what the matrix varies."""
    project = PYPROJECT["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["http"]]
    requirements = map(Requirement, lines)
    return [
        f"{requirement.name}=={bound.version}"
        for requirement in requirements
        if requirement.name in MATRIX["bounds"]
        for bound in requirement.specifier
        if bound.operator == ">="
    ]


@nox.session
def demo(session: nox.Session) -> None:
    """Serve the chat example on two workers, until Ctrl-C."""
    session.install("-q", ".[standard]")
    python = str(Path(session.bin).absolute() / "python")
    session.chdir("examples/chat")
    session.run(python, "manage.py", "migrate", "-v", "0", external=True)
    command = [python, "manage.py", "websockets_server", "-w", "2", *session.posargs]
    # Take this process's place: nox in between would end the server before it has drained.
    os.execve(python, command, {**os.environ, "PYTHONUNBUFFERED": "1"})


@nox.session
def tests(session: nox.Session) -> None:
    """Run the whole suite."""
    groups = [*group("test"), *group("third-party"), *group("guide"), *group("docs")]
    session.install("-q", "-e", ".[standard,bench]", *groups)
    session.run("pytest", *SIDE_BY_SIDE, *session.posargs)


@nox.session
@nox.parametrize("python,versions", [run.split() for run in MATRIX["runs"]])
def matrix(session: nox.Session, versions: str) -> None:
    """Run the suite with the oldest and with the newest releases, on each Python at hand."""
    # Other packages may need newer releases than the oldest that this one runs with.
    wanted = oldest() if versions == "oldest" else [*MATRIX["bounds"], *group("third-party")]
    if versions not in ("oldest", "newest"):
        wanted.append(versions)
    # Daphne needs autobahn, which has no wheel for the newest Python: it does without a compiler.
    session.env["AUTOBAHN_USE_NVX"] = "0"
    session.install("-q", "--upgrade", "-e", ".[standard]", *group("test"), *wanted)
    if versions != "oldest":
        session.install("-q", "--upgrade", "--no-deps", *MATRIX["beyond"])
    session.run("python", "-m", "pip", "list")
    session.run("pytest", *SIDE_BY_SIDE, *MATRIX["pytest"], *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("-q", *group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check", "--diff")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    session.install("-q", "-e", ".[standard,bench]", *group("types"))
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the guide as a site; `-- serve` shows it, and builds it again when a page changes."""
    session.install("-q", *group("docs"))
    command = session.posargs or ["build", "--strict"]
    session.run("mkdocs", *command, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session(venv_backend="none")
def measure(session: nox.Session) -> None:
    """Print the measures of the code; `-- --against REVISION` says what has become worse."""
    session.run(sys.executable, "-m", "compat_tests.measures", *session.posargs)


@nox.session(python=PYTHONS[0])
def proto(session: nox.Session) -> None:
    """Generate the protobuf files again; fail if they change."""
    session.install("-q", *group("proto"))
    protoc = ["python", "-m", "grpc_tools.protoc", "-I.", "--python_out=.", "--pyi_out=."]
    session.run(*protoc, f"{WIRE}/groups.proto")
    session.run("git", "diff", "--exit-code", "--", WIRE, external=True)


@nox.session(reuse_venv=False)
def build(session: nox.Session) -> None:
    """Build sdist and wheel; install the wheel where nothing else is, and use it from there."""
    dist = Path(session.create_tmp()).resolve() / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.install("-q", *group("build"))
    session.run("python", "-m", "build", "--outdir", str(dist))
    (wheel,) = dist.glob("*.whl")
    empty = dist.parent / "venv"
    session.run("python", "-m", "venv", "--clear", str(empty))
    python = str(empty / "bin" / "python")
    install = [python, "-m", "pip", "install", "-q"]
    session.run(*install, f"channels-bridge[standard] @ {wheel.as_uri()}", external=True)
    session.chdir(dist.parent)
    session.run(python, "-I", str(ROOT / "compat_tests" / "installed.py"), external=True)


@nox.session
def autobahn(session: nox.Session) -> None:
    """Run the Autobahn test suite, which needs Python 2.7, against the engine."""
    python2 = shutil.which("python2.7")
    if python2 is None:
        session.skip("there is no python2.7 on PATH")
    suite = str(Path(session.create_tmp()).resolve() / "autobahn")
    install = [python2, "-m", "pip", "install", "-q", "--target", suite, "--upgrade"]
    session.run(*install, PYPROJECT["tool"]["channels_bridge"]["autobahn"], external=True)
    session.install("-q", "-e", ".[standard]", *group("test"))
    session.run("python", "-m", "compat_tests.autobahn", python2, suite, *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Try what should not come from outside, at random and for long: FUZZ_EXAMPLES of each kind."""
    session.install("-q", "-e", ".[standard]", *group("test"))
    examples = {"FUZZ_EXAMPLES": os.environ.get("FUZZ_EXAMPLES", "5000")}
    worlds = [
        "reliable/test_worlds.py",
        "history/test_history_worlds.py",
        "history/test_grpc_worlds.py",
    ]
    paths = ["compat_tests/fuzz", *(f"compat_tests/groups/{path}" for path in worlds)]
    session.run("pytest", *paths, "--timeout", "0", *session.posargs, env=examples)


@nox.session
def atheris(session: nox.Session) -> None:
    """Try the same, led by coverage: a target of compat_tests.fuzz.guided, libFuzzer's options."""
    session.install("-q", "-e", ".[standard]", *group("test"), *group("atheris"))
    settings = {"DJANGO_SETTINGS_MODULE": "compat_tests.settings"}
    session.run("python", "-m", "compat_tests.fuzz.guided", *session.posargs, env=settings)


@nox.session
def soak(session: nox.Session) -> None:
    """Send 100,000 clients to a server, and look at what it keeps of them."""
    session.install("-q", "-e", ".[standard,bench]", *group("test"))
    session.run("python", "-m", "compat_tests.soak", *session.posargs)


@nox.session
def chaos(session: nox.Session) -> None:
    """Let everything happen to a server that may; --rounds, --seed and --pause for more of it."""
    session.install("-q", "-e", ".[standard]", *group("test"), *group("chaos"))
    session.run("python", "-m", "compat_tests.chaos", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Let nodes of NATS, links and processes fail under load; --repeat, --busy for more of it."""
    session.install("-q", "-e", ".[standard]", *group("test"))
    session.run("python", "-m", "compat_tests.groups.nats.faults", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the server beside Daphne and channels_redis, or `-- --against` another revision."""
    session.install("-q", "-e", ".[standard,bench]", *group("test"))  # which has a nats-server
    session.run("python", "-m", "compat_tests.bench", *session.posargs)


@nox.session
def jitter(session: nox.Session) -> None:
    """Count what clients on a bad network miss, here, on Channels' servers and on Socket.IO."""
    session.install("-q", "-e", ".[standard,bench]", *group("test"))
    env = {}
    if npm := shutil.which("npm"):
        directory = Path(session.create_tmp()).resolve()
        socketio = PYPROJECT["tool"]["channels_bridge"]["socketio"]
        install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix"]
        session.run(*install, str(directory), socketio, external=True)
        env["SOCKETIO"] = str(directory / "node_modules" / "socket.io")
    session.run("python", "-m", "compat_tests.resume.jitter", *session.posargs, env=env)


@nox.session
def peer_faults(session: nox.Session) -> None:
    """Do the same harm to the server and to Daphne and uvicorn, and count what users see."""
    session.install("-q", "-e", ".[standard,bench]", *group("test"), *group("peers"))
    session.run("python", "-m", "compat_tests.peer_faults", *session.posargs)
