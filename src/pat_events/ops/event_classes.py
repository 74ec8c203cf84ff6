"""Modules of a service, which an operator's commands find where they are started."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pat_events.catalog.binding import EventTypes

if TYPE_CHECKING:
    from pat_events.catalog.model import Catalog


def import_from_here() -> str:
    """Look for modules in the current directory first, and return it."""
    here = str(Path.cwd())
    if here not in sys.path:
        # A console script, unlike 'python -m', does not look where it is started.
        sys.path.insert(0, here)
    return here


def event_types(catalog: Catalog) -> EventTypes:
    """Return the events of a catalogue, whose module may be in the current directory.

    Raises:
        CatalogError: there is no such module, or it does not bear out the catalogue.
    """
    # The package's own events need nothing that may lie around here.
    if not catalog.python_module.startswith("pat_events."):
        import_from_here()
    return EventTypes(catalog)
