"""Events between services on AWS: publish and consume, in order per key, losing nothing.

::

    from pat_events import ConsumerGroup, Context, Handlers, Producer
    from pat_events.events import EmailReceived

    handlers = Handlers()

    @handlers.on(EmailReceived)
    def process(event: EmailReceived, ctx: Context) -> None:
        print(event.email_id)

    with Producer() as producer:
        producer.publish(EmailReceived(email_id="e-1")).result(timeout=5)

    ConsumerGroup("email-processor", handlers).run()
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pat_events.acknowledgement import Ack
    from pat_events.codecs import load_catalog
    from pat_events.config import Config
    from pat_events.consumer import ConsumerGroup, Context, GroupStats, HandlerObject, Handlers
    from pat_events.core.envelope import Envelope
    from pat_events.core.record import Position
    from pat_events.core.retry import RetryPolicy
    from pat_events.producer import Producer

__version__ = "0.1.0"

__all__ = [
    "Ack",
    "Config",
    "ConsumerGroup",
    "Context",
    "Envelope",
    "GroupStats",
    "HandlerObject",
    "Handlers",
    "Position",
    "Producer",
    "RetryPolicy",
    "load_catalog",
]

_HOMES = {
    "Ack": "acknowledgement",
    "Config": "config",
    "ConsumerGroup": "consumer",
    "Context": "consumer",
    "Envelope": "core.envelope",
    "GroupStats": "consumer",
    "HandlerObject": "consumer",
    "Handlers": "consumer",
    "Position": "core.record",
    "Producer": "producer",
    "RetryPolicy": "core.retry",
    "load_catalog": "codecs",
}


def __getattr__(name: str) -> object:
    # On first use, because pytest loads this package for its plugin in every
    # run of every user, who must not wait for a Kafka client there.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
