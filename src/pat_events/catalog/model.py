"""The catalogue: which events exist, where each goes, who reads it.

The catalogue is data: nothing here knows a particular event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pat_events.catalog.topic_names import checked_name, retry_topic_name
from pat_events.core.spelling import nearest, which_are_there
from pat_events.errors import ConfigError, UnknownEventError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pat_events.catalog.lines import CatalogLines
    from pat_events.errors import PatEventsError

EntryT = TypeVar("EntryT")

DEAD_LETTER_SUFFIX: Final = ".dlq"
AUDIT_SUFFIX: Final = ".audit"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic and what it is created with."""

    name: str
    partitions: int
    retention_days: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class EventType:
    """An event and where it goes.

    Attributes:
        name: Name of the message, such as ``EmailReceived``.
        full_name: With its package: what the ``ce_type`` header says.
        topic: Topic it is published to.
        key: Field whose value is the record's key; events of one key keep their order.
        source: Default ``ce_source``.
        detail_type: ``detail-type`` on EventBridge.
        targets: What EventBridge hands it to: names by their kind, which is ``queues``,
            ``functions`` (of Lambda), ``workflows`` (state machines), ``sns_topics``, ``streams``
            (of Kinesis), ``buses`` or ``endpoints`` (of HTTP).
    """

    name: str
    full_name: str
    topic: str
    key: str
    source: str
    detail_type: str
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BusRule:
    """A rule of the bus besides that of its event.

    Attributes:
        name: Its name.
        event: The event it is about.
        targets: What gets those events, as of ``EventType``.
        filter: What fields of the event have to be, as a pattern of EventBridge's.
        transform: What targets get in place of the event, as EventBridge's input transformer.
        description: For readers.
    """

    name: str
    event: str
    targets: Mapping[str, tuple[str, ...]]
    filter: Mapping[str, Any] | None = None
    transform: Mapping[str, Any] | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group: the events it handles and those its handlers publish.

    Attributes:
        name: Its name.
        consumes: Events its handlers take.
        publishes: Events its handlers publish.
        dead_letter_routes: Further dead-letter topics for each topic: ``<topic>.<group>.<it>.dlq``.
    """

    name: str
    consumes: tuple[str, ...]
    publishes: tuple[str, ...] = ()
    dead_letter_routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue behind EventBridge.

    Attributes:
        name: Its name, without that of platform and environment.
        consumer_timeout_s: Bounds the work on one message.
        fifo: Whether messages of one group keep their order.
        delay_s: How long a message waits before it can be received.
        max_receive_count: Deliveries of one message before it is a dead letter.
        retention_days: How long an unread message is kept.
        visibility_timeout_s: How long a received message is hidden from others; six times
            ``consumer_timeout_s`` when None.
    """

    name: str
    consumer_timeout_s: int
    fifo: bool = False
    delay_s: int = 0
    max_receive_count: int = 5
    retention_days: int = 7
    visibility_timeout_s: int | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A message sent to a queue by the clock."""

    name: str
    cron: str
    queue: str
    input: Mapping[str, Any]
    description: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """What every dead-letter topic is created with."""

    partitions: int
    retention_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All of the catalogue file; entries by name, in the order of the file."""

    version: int
    package: str
    python_module: str
    topics: Mapping[str, Topic]
    dead_letters: DeadLetters
    events: Mapping[str, EventType]
    rules: Mapping[str, BusRule] = field(default_factory=dict)
    groups: Mapping[str, Group]
    queues: Mapping[str, Queue]
    schedules: Mapping[str, Schedule]
    lines: CatalogLines = field(repr=False, compare=False)

    def event(self, name: str) -> EventType:
        """Return the entry of an event by its name, with or without the package.

        Raises:
            UnknownEventError: there is none; names the nearest.
        """
        short = name.removeprefix(f"{self.package}.")
        return _entry(self.events, short, "event", UnknownEventError)

    def group(self, name: str) -> Group:
        """Return the entry of a consumer group.

        Raises:
            ConfigError: there is none; names the nearest.
        """
        return _entry(self.groups, name, "group", ConfigError)

    def routed(self) -> tuple[str, ...]:
        """Return the names of events that rules of the bus hand on."""
        ruled = {rule.event for rule in self.rules.values()}
        return tuple(
            it.name for it in self.events.values() if it.name in ruled or any(it.targets.values())
        )

    def unlisted(self, group: str) -> str:
        """Return what to do about a group that is not in the catalogue; empty for one that is."""
        if group in self.groups:
            return ""
        near = nearest(group, self.groups)
        hint = f"; did you mean {near!r}? If not," if near else ":"
        return (
            f"the catalogue has no group {group!r}{hint} add it under 'groups' and run 'pat-events "
            "topics apply', or make its dead-letter topics yourself"
        )

    def topics_of(self, event_names: Iterable[str]) -> tuple[str, ...]:
        """Return the topics that carry these events, each once.

        Raises:
            UnknownEventError: the catalogue lacks one of the events.
        """
        return tuple(dict.fromkeys(self.event(name).topic for name in event_names))

    def dead_letter_topics(self, group: str) -> tuple[str, ...]:
        """Return the topics for what ``group`` could not handle of the events it consumes.

        Raises:
            ConfigError: there is no such group; names the nearest.
        """
        entry = self.group(group)
        consumed = self.topics_of(entry.consumes)
        routes = ("", *entry.dead_letter_routes)
        return tuple(
            self.dead_letter_topic(topic, group, it) for topic in consumed for it in routes
        )

    @staticmethod
    def dead_letter_topic(topic: str, group: str, route: str = "") -> str:
        """Return the topic for what ``group`` could not handle from ``topic``, by this route.

        Raises:
            ConfigError: Kafka would refuse that name.
        """
        by = f".{route}" if route else ""
        return checked_name(f"{topic}.{group}{by}{DEAD_LETTER_SUFFIX}", "dead-letter topic")

    def retry_topics(self, group: str) -> tuple[str, ...]:
        """Return the topics in which ``group`` meets its dead letters again.

        Raises:
            ConfigError: there is no such group; names the nearest.
        """
        consumed = self.topics_of(self.group(group).consumes)
        return tuple(self.retry_topic(topic, group) for topic in consumed)

    @staticmethod
    def retry_topic(topic: str, group: str) -> str:
        """Return the topic in which ``group`` meets its dead letters of ``topic`` again.

        Raises:
            ConfigError: Kafka would refuse that name.
        """
        return checked_name(retry_topic_name(topic, group), "retry topic")

    @staticmethod
    def audit_topic(group: str) -> str:
        """Return the topic that tells who did what with dead letters of ``group``, and why.

        Raises:
            ConfigError: Kafka would refuse that name.
        """
        return checked_name(f"{group}{AUDIT_SUFFIX}", "audit topic")


def _entry(
    entries: Mapping[str, EntryT], name: str, kind: str, unknown: type[PatEventsError]
) -> EntryT:
    try:
        return entries[name]
    except KeyError:
        raise unknown(
            f"the catalogue has no {kind} {name!r}{which_are_there(name, entries)}"
        ) from None
