"""What the parts are made of, fetched once for every checkout of a user."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tools.stack.errors import MissingToolError, StackError
from tools.stack.java import find_java
from tools.stack.locks import locked
from tools.stack.processes import tied
from tools.stack.settings import cache_folder, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

FETCH_WAIT_S = 900.0
PROGRESS_S = 10.0
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"


def cached(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder ``name`` of the cache, filled by the first who needs it.

    A folder under its final name is whole: it is filled under another one and renamed.
    """
    cache = cache_folder()
    folder = cache / name
    if folder.exists():
        return folder
    with locked(cache / f"{name}.lock", wait_s=FETCH_WAIT_S):
        if folder.exists():
            return folder
        for leftover in cache.glob(f"{name}.part-*"):
            shutil.rmtree(leftover)
        print(f"preparing {name} once, in {folder}", file=sys.stderr, flush=True)
        draft = Path(tempfile.mkdtemp(prefix=f"{name}.part-", dir=cache))
        try:
            with _progress(draft):
                fill(draft)
            draft.rename(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return folder


@contextmanager
def _progress(folder: Path) -> Iterator[None]:
    """Say every now and then how far the block has got: it may take minutes."""
    done = threading.Event()
    began = time.monotonic()

    def tell() -> None:
        while not done.wait(PROGRESS_S):
            passed_s = time.monotonic() - began
            with suppress(OSError):  # a file may be renamed while it is looked at
                size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                print(f"  {size / 1e6:.0f} MB after {passed_s:.0f} s", file=sys.stderr, flush=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def kafka_jars() -> Path:
    """The folder with Kafka and all it needs, from Maven Central (44 MB)."""
    version = settings()["KAFKA_VERSION"]

    def fill(folder: Path) -> None:
        pom = Path(__file__).with_name("kafka-pom.xml")
        _maven(
            "Kafka",
            f"--file={pom}",
            f"-Dkafka.version={version}",
            f"-DoutputDirectory={folder}",
            f"{DEPENDENCY_PLUGIN}:copy-dependencies",
        )

    # The other versions in the file count too: what they make is another folder.
    return cached(f"kafka-{version}-{_digest(Path(__file__).with_name('kafka-pom.xml'))}", fill)


def apicurio() -> Path:
    """The folder of Apicurio Registry, from Maven Central (158 MB, packed)."""
    version = settings()["APICURIO_VERSION"]

    def fill(folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as packed:
            _maven(
                "Apicurio Registry",
                f"-Dartifact=io.apicurio:apicurio-registry-app:{version}:tar.gz:all",
                f"-DoutputDirectory={packed}",
                f"{DEPENDENCY_PLUGIN}:copy",
            )
            (archive,) = Path(packed).iterdir()
            with tarfile.open(archive) as files:
                files.extractall(folder, filter="data")

    return cached(f"apicurio-{version}", fill)


def virtual_environment(
    name: str, lock: Path, version: tuple[int, int] = sys.version_info[:2]
) -> Path:
    """The interpreter of a virtual environment with what ``lock`` lists, made by uv or pip.

    Raises:
        MissingToolError: There is no Python of this version.
    """

    def fill(folder: Path) -> None:
        wanted = ".".join(map(str, version))
        missing = (
            f"{name} needs Python {wanted}: install it (`uv python install {wanted}`, or your "
            "system's package)."
        )
        base = sys.executable if sys.version_info[:2] == version else None
        python = str(folder / "bin" / "python")
        packages = ["--no-deps", "--require-hashes", "--requirement", str(lock)]
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
        if uv:
            venv = [uv, "venv", "--quiet", "--allow-existing", "--python", base or wanted]
            _run([*venv, str(folder)], missing=missing)
            _run([uv, "pip", "install", "--quiet", "--python", python, *packages])
            return
        base = base or shutil.which(f"python{wanted}")
        if base is None:
            raise MissingToolError(missing)
        _run([base, "-m", "venv", str(folder)], missing=missing)
        _run([python, "-m", "pip", "install", "--quiet", *packages])

    return cached(f"{name}-{_digest(lock)}", fill) / "bin" / "python"


def _maven(what: str, *arguments: str) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingToolError(
            f"Maven fetches {what}, and `mvn` is not on the PATH: install it (Debian: `apt install "
            "maven`, macOS: `brew install maven`)."
        )
    environ = dict(os.environ)
    if "JAVA_HOME" not in environ and not shutil.which("java"):
        environ["JAVA_HOME"] = str(Path(find_java("Maven", 8)).parents[1])
    _run([maven, "--quiet", "--batch-mode", "--strict-checksums", *arguments], environ=environ)


def _run(
    command: Sequence[str],
    *,
    missing: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Run a fetching command; ``missing`` is said when it fails for want of something."""
    try:
        done = subprocess.run(
            tied(command, lock=None, death_signal=signal.SIGKILL),
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=FETCH_WAIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        late = f"{Path(command[0]).name} was not done after {FETCH_WAIT_S:.0f} s"
        raise StackError(f"{late}: look at the network, and try again.") from None
    if done.returncode != 0:
        if missing:
            raise MissingToolError(f"{missing}\n{done.stdout.strip()}")
        raise StackError(f"{Path(command[0]).name} failed:\n{done.stdout.strip()[-2000:]}")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
