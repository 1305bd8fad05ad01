"""The nodes of ``examples/nats``: their very files, with this machine's ports, folders and keys."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import nkeys

from compat_tests.groups.nats.nats_servers import DEADLINE, NatsServer, choose_port
from compat_tests.servers import wait_for

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "nats"
NAMES = ("n1", "n2", "n3")
HOST = "localhost"


class Project:
    """A project that may use the nodes.

    Attributes:
        name: of its account, and the prefix of its subjects.
        public_key: what the nodes know of it.
        seed_file: what it proves that it is this project with.
    """

    def __init__(self, directory: Path, name: str) -> None:
        seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
        self.name = name
        self.public_key = nkeys.from_seed(seed).public_key.decode()
        self.seed_file = directory / f"{name}.nk"
        self.seed_file.write_bytes(seed)


class ExampleNodes:
    """One node, or three, as the guide has them.

    Two projects share them: ``mysite``, which is in the example, and ``other``, whose account is a
    copy with other names.

    Args:
        directory: for certificates and keys.
        servers: the nodes, which have not been started yet.

    Attributes:
        ca_file: who has signed the nodes' certificates.
        mysite, other, system: who may connect.
    """

    def __init__(self, directory: Path, servers: list[NatsServer]) -> None:
        self.servers = servers
        self.ca_file = directory / "ca.pem"
        self.mysite, self.other, self.system = (
            Project(directory, name) for name in ("mysite", "other", "system")
        )
        self._directory = directory
        self._route_ports = dict(zip(NAMES, [choose_port() for _ in NAMES], strict=True))
        self._projects = [self.mysite, self.other]
        make_certificate(directory)
        for server in servers:
            self._write_files(server)

    @property
    def urls(self) -> list[str]:
        """Where clients connect."""
        return [f"tls://{HOST}:{server.port}" for server in self.servers]

    @property
    def routes(self) -> list[str]:
        """Where other nodes connect."""
        return [f"tls://{HOST}:{self._route_ports[server.name]}" for server in self.servers]

    def trust(self) -> ssl.SSLContext:
        """How a client knows the nodes."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def start(self) -> None:
        """Start all, and wait until they have found each other."""
        for server in self.servers:
            server.launch()
        for server in self.servers:
            server.await_ready()
        assert wait_for(self._is_complete, DEADLINE), self.servers[0].read_log()

    def admit(self, project: Project) -> None:
        """Give one more project an account, while the nodes run."""
        self._projects.append(project)
        for server in self.servers:
            (server.directory / "etc" / "accounts.conf").write_text(self._accounts())
            server.reload()

    def renew_certificate(self) -> None:
        """Give the nodes another certificate of the same authority, while they run."""
        make_certificate(self._directory)
        for server in self.servers:
            self._copy_certificate(server.directory / "etc")
            server.reload()

    def _copy_certificate(self, directory: Path) -> None:
        for name in "node.pem", "node.key", "ca.pem":
            shutil.copy(self._directory / name, directory)

    def _is_complete(self) -> bool:
        return all(self._has_found_all(server) for server in self.servers)

    def _has_found_all(self, server: NatsServer) -> bool:
        """Whether a node has links to all others, and all have agreed who leads JetStream."""
        others = len(self.servers) - 1
        has_leader = server.ask("jsz").get("meta_cluster", {}).get("leader")
        return len(linked_to(server)) == others and bool(has_leader or not others)

    def _write_files(self, server: NatsServer) -> None:
        """Lay out /etc/nats of one node."""
        directory = server.directory / "etc"
        directory.mkdir()
        self._copy_certificate(directory)
        main = "nats.conf" if len(self.servers) == 1 else "n1.conf"
        (directory / "accounts.conf").write_text(self._accounts())
        (directory / "nats.conf").write_text(replaced("nats.conf", self._places(server)))
        if main == "n1.conf":
            (directory / "n1.conf").write_text(replaced("n1.conf", self._names(server)))
        (server.directory / "nats.conf").write_text(f"include etc/{main}\n")

    def _places(self, server: NatsServer) -> dict[str, str]:
        """What stands in the files for a whole machine, and what this node has in its place."""
        return {
            "/etc/nats": f"{server.directory}/etc",
            "/var/lib/nats": f"{server.directory}/queues",
            "0.0.0.0:4222": f"127.0.0.1:{server.port}",
            "127.0.0.1:8222": f"127.0.0.1:{server.monitoring_port}",
        }

    def _names(self, server: NatsServer) -> dict[str, str]:
        """The same for one of several nodes."""
        routes = {f"{name}.internal:6222": f"{HOST}:{self._route_ports[name]}" for name in NAMES}
        return routes | {
            "/etc/nats": f"{server.directory}/etc",
            "0.0.0.0:6222": f"127.0.0.1:{self._route_ports[server.name]}",
            "server_name: n1": f"server_name: {server.name}",
            "n1.internal:4222": f"{HOST}:{server.port}",
        }

    def _accounts(self) -> str:
        """The example's accounts, with keys of this test, and one for each project."""
        text = (EXAMPLE / "accounts.conf").read_text()
        account = re.search(r"^  mysite \{\n.*?^  \}\n", text, re.MULTILINE | re.DOTALL)
        assert account
        theirs, systems = re.findall(r"nkey: (\w+)", text)
        accounts = [
            account[0].replace("mysite", project.name).replace(theirs, project.public_key)
            for project in self._projects
        ]
        return text.replace(account[0], "".join(accounts)).replace(systems, self.system.public_key)


def replaced(name: str, replacements: Mapping[str, str]) -> str:
    """A file of the example with other ports and folders; each of these has to occur."""
    text = (EXAMPLE / name).read_text()
    for theirs, ours in replacements.items():
        assert theirs in text, f"{name} has no {theirs} any more"
        text = text.replace(theirs, ours)
    return text


def make_certificate(directory: Path) -> None:
    """Make the authority, unless it is there, and a node's certificate as the example does."""
    script = str(EXAMPLE / "certificates.sh")
    subprocess.run(["sh", script, HOST], cwd=directory, check=True, capture_output=True)
    for suffix in "pem", "key":
        (directory / f"{HOST}.{suffix}").rename(directory / f"node.{suffix}")


def linked_to(server: NatsServer) -> set[str]:
    """The names of the nodes that this one has links to."""
    return {route["remote_name"] for route in server.ask("routez").get("routes") or []}


@contextmanager
def example_nodes(directory: Path, count: int) -> Iterator[ExampleNodes]:
    """So many nodes, while they run."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(NatsServer(name=name, start=False)) for name in NAMES[:count]
        ]
        nodes = ExampleNodes(directory, servers)
        nodes.start()
        yield nodes
