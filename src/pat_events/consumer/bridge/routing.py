"""Which events a bridge forwards: those it is told, or what the catalogue says of its target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.core.checks import wrong_type
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from google.protobuf.message import Message

    from pat_events.catalog.binding import EventTypes
    from pat_events.catalog.model import Catalog
    from pat_events.transports.sending import BridgeTarget


def classes_of(types: EventTypes, chosen: Iterable[type[Message] | str]) -> list[type[Message]]:
    """Return the classes of events that were chosen, each once.

    Raises:
        UnknownEventError: the catalogue does not have one; names the nearest.
        ConfigError: these are no events.
    """
    if isinstance(chosen, str):
        raise wrong_type("types", chosen, "a list of event classes, or of names in the catalogue")
    names = types.catalog.event
    found = [
        types.by_full_name[names(each).full_name.encode()]
        if isinstance(each, str)
        # As ``Handlers`` do, it says what is no event class.
        else types.of(each)
        for each in chosen
    ]
    return list(dict.fromkeys(binding.message_class for binding in found))


def routed_to(to: BridgeTarget, group: str, catalog: Catalog) -> Sequence[str]:
    """Return the names of the events that the catalogue sends there.

    They are what its entry of the group consumes; without one what the target finds in it.

    Raises:
        ConfigError: it says nothing of that target.
    """
    if group in catalog.groups:
        return catalog.groups[group].consumes
    found = to.routed(catalog)
    if not found:
        raise ConfigError(
            f"no event goes to {to.address} in the catalogue: name the events to forward (types; "
            f"on the command line --type), or list the group {group!r} there with what it consumes"
        )
    return found
