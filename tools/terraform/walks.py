"""Whether an event went the whole way, by the calls of handlers there were. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class Seen(NamedTuple):
    """One call of a handler: where, for what, and whether it succeeded."""

    queue: str
    event: str
    event_id: str
    causation_id: str | None
    correlation_id: str
    trace_id: str | None
    group: str | None
    handled: bool


class Chain(NamedTuple):
    """What all events have in common that follow from the first.

    Attributes:
        correlation_id: Of all of them.
        trace_id: The trace of all of them.
        answers: Event to what its handler publishes.
    """

    correlation_id: str
    trace_id: str
    answers: Mapping[str, str]


def queue_fault(
    seen: Sequence[Seen], queue: str, event_id: str, group: str | None, chain: Chain
) -> str:
    """Return what is wrong with an event that was to be refused, moved away, given back, handled.

    Args:
        seen: All calls there were.
        queue: Where it was to come.
        event_id: Its id.
        group: The message group it was to have; None where the queue keeps no order.
        chain: What it and all that follows from it carry.
    """
    calls = [it for it in seen if (it.queue, it.event_id) == (queue, event_id)]
    if not calls:
        return "no event arrived"
    if calls[0].handled or not calls[-1].handled:
        return "it was not given up, moved away, given back and handled"
    if groups := {it.group for it in calls} - {group}:
        return f"its message groups are {sorted(map(str, groups))}"
    followed = _followed(calls[-1], seen, chain)
    if followed is None:
        return "not all of what its handler published was handled"
    if any(not _carries(it, chain) for it in (*calls, *followed)):
        return "not all of what followed from it carries its correlation and trace"
    return ""


def steps_fault(seen: Sequence[Seen], ids: Collection[str], chain: Chain) -> str:
    """Return what is wrong with the events of a run's steps, published by a state machine.

    That one knows of no trace: AWS has its own there.
    """
    steps = [it for it in seen if it.event_id in ids]
    if {it.event_id for it in steps if it.handled} != set(ids):
        return "not all of its steps' events were handled"
    if any(it.correlation_id != chain.correlation_id for it in steps):
        return "its steps do not carry the correlation on"
    return ""


def _followed(call: Seen, seen: Sequence[Seen], chain: Chain) -> list[Seen] | None:
    """Return what was published because of an event, and because of that; None if one lacks."""
    found: list[Seen] = []
    while answer := chain.answers.get(call.event):
        caused = [it for it in seen if (it.event, it.causation_id) == (answer, call.event_id)]
        if not caused or not caused[-1].handled:
            return None
        call = caused[-1]
        found.append(call)
    return found


def _carries(call: Seen, chain: Chain) -> bool:
    return (call.correlation_id, call.trace_id) == (chain.correlation_id, chain.trace_id)
