"""Options that several commands share, and the configuration they make."""

from __future__ import annotations

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


def broker_named(bootstrap: str | None) -> bool:
    """Tell whether the option or the environment names a broker."""
    return bool(bootstrap or from_environment("bootstrap_servers"))


def configure(bootstrap: str | None, catalog: Path | None = None) -> tuple[Config, Cluster]:
    """Return what the environment says of events and of the cluster, with these options on top.

    Raises:
        ConfigError: no broker is named, or a value is impossible.
    """
    if not broker_named(bootstrap):
        raise ConfigError(
            f"no broker is named: give --bootstrap HOST:PORT or set {BOOTSTRAP_VARIABLE}"
        )
    config = Config.from_env(catalog=catalog)
    kafka = KafkaConfig.from_env(bootstrap_servers=bootstrap)
    return config, Cluster(kafka, config.answer_timeout_s)
