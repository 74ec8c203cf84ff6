"""What a user tests a service with: a context for a handler, a Kafka broker, and its faults.

All of it is inside the test's own process.

Names are looked up on first use: pytest imports this package for its plugin in
every run, and must not pay for a Kafka client there.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pat_events.testing.broker import EmbeddedBroker
    from pat_events.testing.contexts import RecordingContext, context
    from pat_events.testing.faults import Api, Faults

__all__ = ["Api", "EmbeddedBroker", "Faults", "RecordingContext", "context"]

_HOMES = {
    "Api": "faults",
    "EmbeddedBroker": "broker",
    "Faults": "faults",
    "RecordingContext": "contexts",
    "context": "contexts",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
