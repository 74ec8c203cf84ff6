"""Reading a catalogue's file, or the packaged one."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Final

from pat_events.catalog.file import parse_catalog
from pat_events.catalog.rules import platform
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    import os

    from pat_events.catalog.model import Catalog
    from pat_events.catalog.rules import Rule

_PACKAGE: Final = "pat_events"
# Some 25,000 events: far more than any catalogue has.
_CATALOG_MAX_BYTES: Final = 4 * 2**20


def load_catalog(path: Path | str | None = None) -> Catalog:
    """Read a catalogue file; the packaged one when ``path`` is None.

    Raises:
        CatalogError: names each line that is wrong.
        ConfigError: the file cannot be read, or is no regular one of at most 4 MiB.
    """
    return _load(path)


def check_catalog(path: Path | str | None = None) -> Catalog:
    """Read a catalogue as ``load_catalog`` does, and refuse what AWS or Terraform would.

    Raises:
        CatalogError: names each line that is wrong.
        ConfigError: as ``load_catalog``.
    """
    return _load(path, platform)


def _load(path: Path | str | None, *rules: Rule) -> Catalog:
    file = resources.files(_PACKAGE) / "schemas/catalog.yaml" if path is None else Path(path)
    try:
        if isinstance(file, Path):
            _require_small_file(file.stat(), file)
        text = file.read_text("utf-8")
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a NUL in the path
        raise ConfigError(f"the catalogue {file} cannot be read: {error}") from error
    # The packaged one is checked where it is made; a service's start need not wait for that.
    return _parsed(text, str(file), rules, is_known=path is None and not rules)


# By what is in it, not by where: a service's producer, consumer and transports each read the file
# at their start, and parsing takes a hundred times as long as that.
@lru_cache(maxsize=2)
def _parsed(text: str, origin: str, rules: tuple[Rule, ...], *, is_known: bool) -> Catalog:
    if is_known:
        return parse_catalog(text, origin, None)
    schema = resources.files(_PACKAGE) / "schemas/catalog.schema.json"
    return parse_catalog(text, origin, json.loads(schema.read_text("utf-8")), rules)


def _require_small_file(stat: os.stat_result, path: Path) -> None:
    # Reading a FIFO waits for whoever writes to it, and a device may never end.
    if not S_ISREG(stat.st_mode):
        raise ConfigError(f"the catalogue {path} is no regular file")
    if stat.st_size > _CATALOG_MAX_BYTES:
        raise ConfigError(f"the catalogue {path} has {stat.st_size} bytes: it is something else")
