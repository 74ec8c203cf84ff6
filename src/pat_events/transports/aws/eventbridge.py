"""EventBridge: events to a bus, whose rules hand them on."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.core import headers as h
from pat_events.core.checks import require_text
from pat_events.core.claim import TOO_LARGE_ADVICE
from pat_events.errors import ConfigError, RecordTooLargeError
from pat_events.transports.aws.batching import Entry, Refused, Taken
from pat_events.transports.aws.bus_names import check_bus, short_bus
from pat_events.transports.aws.client import Clients
from pat_events.transports.aws.config import AwsConfig
from pat_events.transports.aws.envelope import Envelopes, refuse_taken_field, trace_header
from pat_events.transports.aws.errors import Resource, of_code, of_exception, unheard_of
from pat_events.transports.aws.sender import BusSender
from pat_events.transports.sending import place_of_bus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pat_events.catalog.model import Catalog
    from pat_events.config import Config
    from pat_events.core.record import HeaderValues
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import SenderSpans
    from pat_events.transports.aws.batching import Answer
    from pat_events.transports.sending import Outgoing

# What EventBridge counts for the time of an entry, in bytes.
_TIME_BYTES: Final = 14
# Largest entry, in bytes; China's regions have kept the limit that was once that of all.
_ENTRY_BYTES: Final = 1_048_576
_ENTRY_BYTES_CHINA: Final = 262_144
_DETAIL_TYPE_MAX: Final = 128
_RESOURCE_MAX: Final = 2048


class EventBridge:
    """Sends events to an EventBridge bus; a transport for ``Producer``.

    Rules match the catalogue's ``source`` and ``detail_type``, and the fields of the event in
    ``detail``; the CloudEvent's attributes are in ``detail.cloudevent``. A bus keeps no order, and
    may hand an event on twice.

    Args:
        bus: Name or ARN of the bus.
        config: Where and how; from ``PAT_EVENTS_AWS_*`` when None.

    Raises:
        ConfigError: this is no name of a bus.
    """

    # OpenTelemetry has no name for it yet.
    system = "aws.eventbridge"

    def __init__(self, bus: str, config: AwsConfig | None = None) -> None:
        require_text("bus", bus)
        check_bus(bus)
        self._bus = bus
        self._config = AwsConfig.given(config, bus)
        self._clients = Clients("events", self._config)

    keeps_order = False

    @property
    def address(self) -> str:
        """Its bus; see ``SendingTransport.address``."""
        return short_bus(self._bus)

    def sender(
        self,
        config: Config,
        observers: Iterable[GivenObserver] = (),
        spans: SenderSpans | None = None,
    ) -> BusSender:
        """Return a new sender.

        Raises:
            ConfigError: an event of the catalogue has a field ``cloudevent`` or too long a
                ``detail_type``; no region is named; or the extra ``aws`` is not installed.
        """
        types = EventTypes(load_catalog(config.catalog))
        refuse_taken_field(types)
        for event in types.catalog.events.values():
            if len(event.detail_type) > _DETAIL_TYPE_MAX:
                raise ConfigError(
                    f"{event.name} has a detail_type of {len(event.detail_type)} characters, "
                    f"EventBridge takes {_DETAIL_TYPE_MAX}: shorten it in the catalogue"
                )
        client = self._clients.make()
        max_bytes = self._config.entry_bytes or _entry_bytes(client.meta.region_name)
        bus = _Bus(self._bus, client, max_bytes, Envelopes(types))
        return BusSender(bus, config, self._config, observers=observers, spans=spans)

    def ping(self, timeout_s: float) -> None:
        """Ask whether the bus is there; see ``SendingTransport.ping``.

        Raises:
            TopicMissingError: it is not. PutEvents may take events for it all the same.
        """
        question = partial(_look, self._bus)
        self._clients.ask(timeout_s, partial(_resource, self._bus), question)

    def routed(self, catalog: Catalog) -> Sequence[str]:
        """Return what has targets, which rules hand on; see ``BridgeTarget.routed``."""
        return catalog.routed()

    def check_events(self, names: Iterable[str]) -> None:
        """Return: it takes every event; see ``BridgeTarget.check_events``."""

    def places(self, timeout_s: float) -> Callable[[str], str]:
        """Return what names it; see ``BridgeTarget.places``."""
        del timeout_s
        place = place_of_bus(self.address)
        return lambda _: place


class _Bus:
    """The bus that a sender sends to."""

    system = EventBridge.system

    def __init__(
        self,
        bus: str,
        client: Any,  # noqa: ANN401 - boto3 makes its classes when it runs
        max_bytes: int,
        envelopes: Envelopes,
    ) -> None:
        self.address = short_bus(bus)
        self._bus = bus
        self._envelopes = envelopes
        self._client = client
        self.max_bytes = max_bytes

    def wrap(self, outgoing: Outgoing) -> Entry:
        """Return a record as an entry; see ``Bus.wrap``."""
        wrapped = self._envelopes.wrap(outgoing)
        event_type = wrapped.event_type
        detail = self._envelopes.detail(outgoing, wrapped)
        fields: dict[str, Any] = {
            "EventBusName": self._bus,
            "Source": event_type.source,
            "DetailType": event_type.detail_type,
            "Detail": detail,
            "Time": _time(wrapped.headers, outgoing.timestamp_ms),
        }
        size = _TIME_BYTES + sum(
            len(text.encode()) for text in (event_type.source, event_type.detail_type, detail)
        )
        if 0 < len(wrapped.subject) <= _RESOURCE_MAX:
            fields["Resources"] = [wrapped.subject]
            size += len(wrapped.subject.encode())
        trace = trace_header(wrapped.headers)
        if trace is not None:
            fields["TraceHeader"] = trace
        if size > self.max_bytes:
            raise RecordTooLargeError(
                f"{event_type.name} takes {size} bytes as an entry, EventBridge takes "
                f"{self.max_bytes} (entry_bytes): {TOO_LARGE_ADVICE}"
            )
        return Entry(outgoing, self._bus, self.address, fields, size)

    def call(self, entries: Sequence[Entry]) -> Sequence[Answer] | Refused:
        """Put entries on the bus; see ``Bus.call``."""
        resource = _resource(self._bus, self._client.meta.region_name)
        try:
            answer = self._client.put_events(Entries=[entry.fields for entry in entries])
        except Exception as error:  # noqa: BLE001 - what is none of boto3's goes on
            return of_exception(resource, error)
        # In the order of the entries.
        found = [_answer(resource, each) for each in answer.get("Entries", ())]
        return found if len(found) == len(entries) else unheard_of(resource)

    def close(self) -> None:
        """Let go of connections; see ``Bus.close``."""
        self._client.close()


def _entry_bytes(region: str) -> int:
    return _ENTRY_BYTES_CHINA if region.startswith("cn-") else _ENTRY_BYTES


def _answer(resource: Resource, found: dict[str, str]) -> Answer:
    if event_id := found.get("EventId"):
        return Taken(event_id)
    code = found.get("ErrorCode")
    if code is None:
        return unheard_of(resource)
    return of_code(resource, code, found.get("ErrorMessage", ""))


def _time(headers: HeaderValues, timestamp_ms: int) -> datetime:
    text = h.text(headers, h.CE_TIME)
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _resource(bus: str, region: str) -> Resource:
    return Resource(f"bus {short_bus(bus)}", region, "events:PutEvents")


def _look(bus: str, client: Any) -> None:  # noqa: ANN401 - boto3 makes its classes when it runs
    client.describe_event_bus(Name=bus)
