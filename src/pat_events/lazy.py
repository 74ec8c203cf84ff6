"""Names of a package that are imported on first use (PEP 562)."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__``.

    Type checkers do not follow it: they are to find the same names imported where
    ``TYPE_CHECKING``, and no ``__getattr__``, or a name that is misspelt would be one of any type.

    Args:
        package: The package's ``__name__``.
        homes: The module of each name, without the package's own name before it.
    """
    names = vars(sys.modules[package])

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = names[name] = getattr(import_module(f"{package}.{homes[name]}"), name)
        return value

    def list_names() -> list[str]:
        return sorted({*names, *homes})

    return get, list_names
