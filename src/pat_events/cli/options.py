"""Options that several commands share, and the configuration they make."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from pat_events.config import Config
from pat_events.errors import ConfigError
from pat_events.ops.cluster import Cluster
from pat_events.settings import env_variable, from_environment
from pat_events.transports.kafka.config import KafkaConfig

BOOTSTRAP_VARIABLE: Final = env_variable("bootstrap_servers")
CATALOG_VARIABLE: Final = env_variable("catalog")
_AGO: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

Bootstrap: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--bootstrap",
        metavar="HOST:PORT",
        help=f"Brokers, separated by commas; {BOOTSTRAP_VARIABLE} without it.",
    ),
]
CatalogFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--catalog",
        metavar="FILE",
        help=f"Catalogue; {CATALOG_VARIABLE} without it, then the packaged one.",
    ),
]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="For programs: JSON, one object a line.")
]

DeadLetterQueue: TypeAlias = Annotated[
    str, typer.Option("--queue", metavar="QUEUE", help="Name or URL of the dead-letter queue.")
]
ToQueue: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--to-queue",
        metavar="QUEUE",
        help="To this queue, instead of the one each letter came from.",
    ),
]


def time_of(text: str) -> datetime:
    """Return the time somebody wrote: how long ago, as in ``10m``, or when, as in ISO 8601."""
    try:
        if ago := _AGO.fullmatch(text):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: float(ago[1])})
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is no time: write how long ago (30s, 10m, 2h, 1d), or when "
            "(2026-11-27T10:00Z)"
        ) from None
    if at.tzinfo is None:
        raise typer.BadParameter(f"{text!r} names no time zone: add Z for UTC, or +01:00")
    return at


Since: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        metavar="TIME",
        parser=time_of,
        help="Begin with the first record of this time or later: 30s, 10m, 2h or 1d ago, or "
        "2026-11-27T10:00Z.",
    ),
]


def broker_named(bootstrap: str | None) -> bool:
    """Tell whether the option or the environment names a broker."""
    return bool(bootstrap or from_environment("bootstrap_servers"))


def configure(bootstrap: str | None, catalog: Path | None = None) -> tuple[Config, Cluster]:
    """Return what the environment says of events and of the cluster, with these options on top.

    Raises:
        ConfigError: no broker is named, or a value is impossible.
    """
    kafka = kafka_named(bootstrap)
    config = Config.from_env(catalog=catalog)
    return config, Cluster(kafka, config.answer_timeout_s)


def kafka_named(bootstrap: str | None) -> KafkaConfig:
    """Return the cluster of the option or the environment.

    Raises:
        ConfigError: no broker is named, or a value is impossible.
    """
    if not broker_named(bootstrap):
        raise ConfigError(
            f"no broker is named: give --bootstrap HOST:PORT or set {BOOTSTRAP_VARIABLE}"
        )
    return KafkaConfig.from_env(bootstrap_servers=bootstrap)
