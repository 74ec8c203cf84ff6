"""What is said of a gate that opened or closed, in the log and to observers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pat_events.consumer.breaker import Breaker
from pat_events.telemetry.observer import BreakerChanged, DeadLetterLimitChanged

if TYPE_CHECKING:
    from pat_events.consumer.gate import Gate
    from pat_events.telemetry.observer import GateState

_log = logging.getLogger("pat_events.consumer")


def log_change(gate: Gate) -> None:
    """Log that it has opened, or closed."""
    if isinstance(gate, Breaker):
        if gate.is_open:
            _log.warning(
                "%s; its handlers are not called and their events held, until one that is tried "
                "now and then succeeds",
                gate.told,
            )
        else:
            _log.warning("breaker %s is closed: its handlers are called again", gate.name)
    elif gate.is_open:
        _log.error(
            "%s; its events are held and none becomes a dead letter, until one that is tried now "
            "and then succeeds, a new version is started, or release_held() is called",
            gate.told,
        )
    else:
        _log.warning("%s is called again: the event that was tried succeeded", gate.name)


def change_of(gate: Gate) -> BreakerChanged | DeadLetterLimitChanged:
    """Return what observers are told when it has opened or closed."""
    state: GateState = "open" if gate.is_open else "closed"
    if isinstance(gate, Breaker):
        return BreakerChanged(gate.name, state, gate.why)
    return DeadLetterLimitChanged(gate.name, state, gate.why)
