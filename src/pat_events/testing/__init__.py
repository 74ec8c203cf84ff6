"""What a user tests a service with: a context for a handler, a Kafka broker, and its faults.

All of it is inside the test's own process.

Names are looked up on first use: pytest imports this package for its plugin in
every run, and must not pay for a Kafka client there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pat_events.testing.broker import EmbeddedBroker
    from pat_events.testing.contexts import RecordingContext, context
    from pat_events.testing.faults import Api, Faults

__all__ = ["Api", "EmbeddedBroker", "Faults", "RecordingContext", "context"]

if not TYPE_CHECKING:
    from pat_events.lazy import lazy_names

    _HOMES = {
        "Api": "faults",
        "EmbeddedBroker": "broker",
        "Faults": "faults",
        "RecordingContext": "contexts",
        "context": "contexts",
    }
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
