"""Which events a bridge forwards: those it is told, or what the catalogue says of its target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pat_events.core.checks import wrong_type
from pat_events.errors import ConfigError
from pat_events.transports.aws.eventbridge import EventBridge
from pat_events.transports.aws.sqs import Sqs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from google.protobuf.message import Message

    from pat_events.catalog.binding import EventTypes
    from pat_events.catalog.model import Catalog
    from pat_events.transports.sending import SendingTransport


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


def routed_to(to: SendingTransport, group: str, catalog: Catalog) -> Sequence[str]:
    """Return the names of the events that the catalogue sends there.

    They are what its entry of the group consumes; without one what has targets behind EventBridge,
    or has this queue as a target.

    Raises:
        ConfigError: it says nothing of that target.
    """
    if group in catalog.groups:
        return catalog.groups[group].consumes
    events = catalog.events.values()
    if isinstance(to, EventBridge):
        found = [it.name for it in events if it.queues or it.functions or it.workflows]
        wanted = "no event has targets"
    elif isinstance(to, Sqs) and isinstance(to.queues, Mapping):
        return list(to.queues)
    elif isinstance(to, Sqs):
        found = [it.name for it in events if any(_is_called(to.address, q) for q in it.queues)]
        wanted = f"no event has the queue {to.address} as a target"
    else:
        found, wanted = [], f"what goes to {to.address} is not in it"
    if not found:
        raise ConfigError(
            f"{wanted} in the catalogue: name the events to forward (types; on the command line "
            f"--type), or list the group {group!r} there with what it consumes"
        )
    return found


def refuse_without_queue(to: SendingTransport, names: Iterable[str]) -> None:
    """Refuse events that a transport with a queue for each type has none for.

    Raises:
        ConfigError: names them.
    """
    if not isinstance(to, Sqs) or not isinstance(queues := to.queues, Mapping):
        return
    if missing := [name for name in names if name not in queues]:
        raise ConfigError(
            f"no queue is named for {', '.join(missing)}: name one in Sqs({{...}}), or choose the "
            "events that are forwarded with types"
        )


def _is_called(queue: str, name: str) -> bool:
    """Tell whether a queue is one of the catalogue's, after platform and environment."""
    return f"-{queue.removesuffix('.fifo')}".endswith(f"-{name}")
