"""What every schedule is made of: its events, their topics, and how they are handled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from pat_events.catalog.load import load_catalog
from pat_events.consumer.log.limits import Limits
from pat_events.core.recovery.retry import RetryPolicy
from pat_events.events import (
    EmailProcessed,
    EmailReceived,
    EmailValidated,
    PluginExecutionCompleted,
    PluginExecutionRequired,
    WorkflowTriggered,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message

#: Topic, partition and offset.
At: TypeAlias = tuple[str, int, int]

CATALOG_FILE: Final = Path(__file__).with_name("catalog.yaml")
CATALOG: Final = load_catalog(CATALOG_FILE)
GROUP: Final = "group"
#: What handlers publish goes there.
OUTPUT: Final = "outputs"
#: Of each topic the events for a function, for a coroutine and for a batch.
KINDS: Final[dict[str, tuple[type[Message], type[Message], type[Message]]]] = {
    "letters": (EmailReceived, EmailValidated, EmailProcessed),
    "tasks": (WorkflowTriggered, PluginExecutionRequired, PluginExecutionCompleted),
}
DEAD: Final = [CATALOG.dead_letter_topic(topic, GROUP) for topic in KINDS]
#: What becomes of an event, and how often.
FATES: Final = {
    "fine": 6,
    "publishes": 3,
    "fails": 3,
    "asks": 1,
    "hopeless": 2,
    "held": 1,
    "broken": 1,
    "strange": 1,
}
TIMEOUT_S: Final = 5.0
BATCH: Final = 4
POLICY: Final = RetryPolicy(attempts=3, first_delay_s=0.5)
#: How many events the handler of one that publishes sends.
PARTS: Final = 2
LIMITS: Final = Limits(
    max_in_flight=12,
    max_in_flight_bytes=600,
    max_uncommitted=8,
    drain_timeout_s=3.0,
    commit_interval_s=0.3,
)
SESSION_S: Final = 10.0
BUFFER_EVENTS: Final = 2
MAX_LETTER_BYTES: Final = 50
