"""Options that several commands share, and the configuration they make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from pat_events.config import Config
from pat_events.errors import ConfigError

_BOOTSTRAP: Final = "PAT_EVENTS_BOOTSTRAP_SERVERS"

Bootstrap: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--bootstrap",
        metavar="HOST:PORT",
        help="Brokers, separated by commas; PAT_EVENTS_BOOTSTRAP_SERVERS without it.",
    ),
]
CatalogFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--catalog",
        metavar="FILE",
        help="Catalogue; PAT_EVENTS_CATALOG without it, then the packaged one.",
    ),
]


def configure(bootstrap: str | None, catalog: Path | None = None) -> Config:
    """Return the configuration of the environment, with these options on top.

    Raises:
        ConfigError: no broker is named, or a value is impossible.
    """
    if not (bootstrap or os.environ.get(_BOOTSTRAP)):
        raise ConfigError(f"no broker is named: give --bootstrap HOST:PORT or set {_BOOTSTRAP}")
    return Config.from_env(bootstrap_servers=bootstrap, catalog=catalog)
