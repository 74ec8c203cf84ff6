"""Where the AWS provider lies on this machine, and the environment Terraform runs in."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Inside a mirror: the provider's source name, version and platform.
BINARY = "registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws_v5*"
START_WAIT_S = 120.0
REATTACH = re.compile(r"TF_REATTACH_PROVIDERS='(.*)'")


@cache
def plugin_folder() -> Path | None:
    """A folder ``terraform init -plugin-dir`` can use; None leaves it to the registry."""
    return next((folder for folder in _candidates() if any(folder.glob(BINARY))), None)


def _candidates() -> Iterator[Path]:
    """``TF_PLUGIN_DIR``, Terraform's implied mirrors, then what lies under the usual roots."""
    if named := os.environ.get("TF_PLUGIN_DIR"):
        yield Path(named)
    home = Path.home()
    yield home / ".terraform.d" / "plugins"
    shared = os.environ.get("XDG_DATA_DIRS") or os.pathsep.join(("/usr/local/share", "/usr/share"))
    for data in (
        os.environ.get("XDG_DATA_HOME") or home / ".local" / "share",
        *shared.split(os.pathsep),
    ):
        yield Path(data) / "terraform" / "plugins"
    for root in (Path("/", name) for name in ("opt", "srv", "usr/local", "var/lib")):
        if root.is_dir():
            yield from (child for child in sorted(root.iterdir()) if os.access(child, os.R_OK))


def environ(**more: str) -> dict[str, str]:
    """The environment of every Terraform command.

    A configuration file that is named but missing makes each command warn, and no plan
    may find the way to a real account: without ``more`` there are no credentials.
    """
    own = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_VAR_"))}
    named = own.get("TF_CLI_CONFIG_FILE")
    if named and not Path(named).is_file():
        own["TF_CLI_CONFIG_FILE"] = os.devnull
    return own | {
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        **more,
    }


@contextmanager
def served(installed: Path, **more: str) -> Iterator[dict[str, str]]:
    """Start the provider once for many commands; the answer is what leads them to it.

    Each command would start it otherwise, several times, at half a second of a core each.
    A provider that is not mocked keeps the configuration of whoever came last: one folder's
    commands, one after the other, may share it.

    Args:
        installed: A folder ``terraform init`` has put the provider under.
        more: What leads a provider that is not mocked to its services.

    Raises:
        TimeoutError: It does not say where it listens.
    """
    binary = next(iter(sorted((installed / ".terraform" / "providers").glob(BINARY))))
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [binary, "-debug"], env=environ(**more), stdout=said, stderr=said
        )
        try:
            deadline = time.monotonic() + START_WAIT_S
            while (found := _reattach(said)) is None:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise TimeoutError(f"{binary.name} did not start: {said.read()[-1000:]}")
                time.sleep(0.1)
            yield {"TF_REATTACH_PROVIDERS": found}
        finally:
            process.terminate()
            process.wait()


def _reattach(said: IO[str]) -> str | None:
    said.seek(0)
    found = REATTACH.search(said.read())
    return found[1] if found else None
