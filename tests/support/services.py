"""Real services for tests: PostgreSQL, a Prometheus Pushgateway and a webhook, on 127.0.0.1, in temporary folders.

Each process dies with the test session, also when that is killed. A service that is not installed skips its tests,
or fails them where `VICTOR_TEST_REQUIRE_SERVICES=1`.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pytest

from victor_nb.messages import new_id

START_TIMEOUT_S = 60


def require_or_skip(name: str, install: str) -> NoReturn:
    """Skip the test because `name` is missing; fail it where every service is required."""
    reason = f"{name} is not installed. To install it: {install}"
    if os.environ.get("VICTOR_TEST_REQUIRE_SERVICES") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class Service:
    """A process that says on its standard error when it is ready. `ready` is the line that said so."""

    def __init__(self, command: Sequence[str], ready_when: str, *, user: str | None = None, cwd: Path) -> None:
        self._marker = ready_when
        self._log: deque[str] = deque(maxlen=50)
        self._seen = threading.Event()
        self.ready = ""
        self._process = subprocess.Popen(
            [*as_user(user, dies_with_parent=True), *command], cwd=cwd, stderr=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._seen.wait(START_TIMEOUT_S) or not self.ready:
            self.stop(signal.SIGKILL)
            raise RuntimeError(f"{command[0]} did not start:\n{''.join(self._log)}")

    def _read(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            self._log.append(line)
            if self._marker in line and not self.ready:
                self.ready = line
                self._seen.set()
        self._seen.set()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self._process.send_signal(how)
        self._process.wait(START_TIMEOUT_S)
        self._reader.join(START_TIMEOUT_S)
        if self._process.stderr:
            self._process.stderr.close()


def as_user(user: str | None, *, dies_with_parent: bool = False) -> list[str]:
    """What to put before a command so that it runs as `user` (None: as who we are)."""
    if not shutil.which("setpriv"):
        return []
    options = ["--pdeathsig", "TERM"] if dies_with_parent else []
    if user:
        options += ["--reuid", user, "--regid", str(pwd.getpwnam(user).pw_gid), "--clear-groups"]
    return ["setpriv", *options, "--"] if options else []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        require_or_skip("PostgreSQL", "apt-get install postgresql")
    return (found[-1] if found else Path(str(on_path))).parent


def _unprivileged_user() -> str | None:
    """Whom to run PostgreSQL as, which refuses to run as root."""
    if os.getuid() != 0:
        return None
    if not shutil.which("setpriv"):
        require_or_skip("setpriv", "apt-get install util-linux")
    return "postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else "nobody"


class PostgresCluster:
    """A PostgreSQL cluster of our own in `home`, which can be stopped and started again on the same port. It ends with
    the thread that started it."""

    def __init__(self, home: Path) -> None:
        self._binaries, self._user = _postgres_binaries(), _unprivileged_user()
        if self._user:
            shutil.chown(home, self._user)
        self._home, self._data, self._port = home, home / "data", free_port()
        make = [str(self._binaries / "initdb"), "-D", str(self._data), "-U", "victor", "-A", "trust", "-E", "UTF8"]
        command = [*as_user(self._user), *make, "--no-sync", "--locale=C"]
        subprocess.run(command, cwd=home, check=True, capture_output=True)
        self.dsn = f"postgresql://victor@127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        serve = [str(self._binaries / "postgres"), "-D", str(self._data), "-k", str(self._home), "-F"]
        address = ["-h", "127.0.0.1", "-p", str(self._port)]
        self._service = Service([*serve, *address], "ready to accept connections", user=self._user, cwd=self._home)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends all connections and then the server; SIGQUIT does so without cleaning up, as a crash does."""
        self._service.stop(how)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """A PostgreSQL cluster of our own; yields its DSN without a database: `postgresql://victor@127.0.0.1:port`."""
    with tempfile.TemporaryDirectory(prefix="victor-pg-") as folder:  # pytest's own folders are closed to other users
        cluster = PostgresCluster(Path(folder))
        yield cluster.dsn
        cluster.stop()


@pytest.fixture(scope="module")
def stoppable_postgres() -> Iterator[PostgresCluster]:
    """A cluster that tests may stop and start, with the database `postgres`. Leave it running."""
    with tempfile.TemporaryDirectory(prefix="victor-pg-") as folder:
        cluster = PostgresCluster(Path(folder))
        yield cluster
        cluster.stop()


@pytest.fixture
def postgres(postgres_cluster: str) -> Iterator[str]:
    """The DSN of a fresh, empty PostgreSQL database, for `asyncpg.connect`."""
    name = f"test_{new_id().replace('-', '')}"
    asyncio.run(_execute(f"{postgres_cluster}/postgres", f"CREATE DATABASE {name}"))
    yield f"{postgres_cluster}/{name}"
    asyncio.run(_execute(f"{postgres_cluster}/postgres", f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(dsn: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


@pytest.fixture(scope="session")
def pushgateway_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    binary = shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")
    if not binary:
        require_or_skip("the Prometheus Pushgateway", "apt-get install prometheus-pushgateway")
    options = ["--web.listen-address=127.0.0.1:0", "--web.enable-admin-api", "--persistence.file="]
    service = Service([binary, *options], "Listening on", cwd=tmp_path_factory.mktemp("pushgateway"))
    address = service.ready.split("address=")[1].split()[0]
    yield f"http://{address}"
    service.stop()


@pytest.fixture
def pushgateway(pushgateway_server: str) -> str:
    """The URL of an empty Pushgateway, for `prometheus_client.push_to_gateway`; `/metrics` shows what it holds. It says
    that it wipes before it has: who reads at once may still find what another test has pushed."""
    http_request("PUT", f"{pushgateway_server}/api/v1/admin/wipe")
    while "push_time_seconds{" in http_request("GET", f"{pushgateway_server}/metrics")[1]:
        time.sleep(0.01)
    return pushgateway_server


def http_request(method: str, url: str, body: bytes = b"") -> tuple[int, str]:
    """One request without proxies or redirects: status and text."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=START_TIMEOUT_S)
    with contextlib.closing(connection):
        connection.request(method, parts.path or "/", body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@dataclass(frozen=True)
class Answer:
    """How the webhook answers a request. `reset` breaks the connection off instead of answering, or behind `body` when
    there is one, which promises more; `stalls_after` sends so many bytes of a body of ten and then no more."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay_s: float = 0.0
    reset: bool = False
    body: bytes = b""
    stalls_after: int | None = None


@dataclass(frozen=True)
class Posted:
    """A request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Webhook:
    """An HTTP server that keeps what it is sent in `requests`, and answers 200 unless told otherwise, for one by
    `judge`."""

    def __init__(self) -> None:
        self.requests: list[Posted] = []
        self.connections = 0
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.otherwise = Answer()
        self.judge: Callable[[Posted], Answer | None] = lambda posted: None
        self._next: deque[Answer] = deque()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = False  # joined by close(), so that no socket is left open
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/events"

    def answer(self, *answers: Answer) -> None:
        """Answer the next requests so, one each; then as `otherwise` says."""
        self._next.extend(answers)

    def wait_for(self, count: int, timeout_s: float = 10.0) -> list[Posted]:
        """The requests, when `count` of them have arrived."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.requests) >= count, timeout_s)
        assert arrived, f"{len(self.requests)} of {count} requests arrived in {timeout_s} s"
        return list(self.requests)

    def take(self, posted: Posted) -> Answer:
        """Record a request, and say how to answer it once its delay has passed."""
        with self._changed:
            self.requests.append(posted)
            answer = self.judge(posted) or (self._next.popleft() if self._next else self.otherwise)
            self._changed.notify_all()
        self._closing.wait(answer.delay_s)
        return answer

    def opened(self, connection: socket.socket) -> None:
        """Count a connection, and remember it for `close()`."""
        with self._changed:
            self.connections += 1
            self._open.add(connection)

    def stall(self) -> None:
        """Wait until `close()`."""
        self._closing.wait()

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):  # it is closed already
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()


def _handler_of(webhook: Webhook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            webhook.opened(self.connection)

        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = webhook.take(Posted(self.command, self.path, headers, self.rfile.read(length)))
            with contextlib.suppress(ConnectionError):  # the client did not wait for a slow answer
                if not answer.reset or answer.body:
                    self._send(answer)
                if answer.stalls_after is not None:
                    webhook.stall()
            if answer.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection |= answer.reset or answer.stalls_after is not None

        def _send(self, answer: Answer) -> None:
            stalls = answer.stalls_after is not None
            body = b"." * (answer.stalls_after or 0) if stalls else answer.body
            promised = 10 if stalls else len(body) + 10 * answer.reset
            self.send_response(answer.status)
            for name, value in {"content-length": str(promised), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_GET = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    return Handler


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A `Webhook` on a free port; its `url` is where to post."""
    server = Webhook()
    yield server
    server.close()


@pytest.fixture
def second_webhook() -> Iterator[Webhook]:
    """Another one, on a port of its own."""
    server = Webhook()
    yield server
    server.close()
