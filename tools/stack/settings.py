"""Versions, ports and names of the parts, read from ``.env``, and the folders in use."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from tools.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
BOOTSTRAP_VARIABLE = "PAT_EVENTS_BOOTSTRAP_SERVERS"
REGISTRY_VARIABLE = "PAT_EVENTS_REGISTRY_URL"
AWS_VARIABLE = "AWS_ENDPOINT_URL"
AWS_ACCOUNT_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


def parse(text: str) -> dict[str, str]:
    """The variables of a ``.env`` file, ``${NAME}`` of earlier lines filled in.

    Raises:
        StackError: A line is no ``NAME=value``, or refers to a name not seen before it.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            name, value = line.split("=", 1)
            values[name.strip()] = Template(value.strip()).substitute(values)
        except (KeyError, ValueError) as problem:
            raise StackError(f".env:{number}: {line!r} is no NAME=value: {problem!r}") from problem
    return values


@cache
def settings() -> Mapping[str, str]:
    """What ``.env`` at the root of the repository says."""
    return parse((ROOT / ".env").read_text(encoding="utf-8"))


def state_folder() -> Path:
    """Where running parts are noted: ``build/stack``, or ``PAT_EVENTS_STACK_DIR``."""
    folder = Path(os.environ.get("PAT_EVENTS_STACK_DIR") or ROOT / "build" / "stack").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def cache_folder() -> Path:
    """Where downloads are kept for every checkout of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base).resolve() / "pat-events"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
