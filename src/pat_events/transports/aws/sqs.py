"""SQS: each event to one queue, standard or FIFO."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.core.checks import wrong_type
from pat_events.core.spelling import did_you_mean
from pat_events.errors import ConfigError
from pat_events.transports.aws.batching import Entry, Refused
from pat_events.transports.aws.client import Clients
from pat_events.transports.aws.config import AwsConfig
from pat_events.transports.aws.envelope import (
    DataForm,
    Envelopes,
    checked_data_form,
    trace_header,
)
from pat_events.transports.aws.errors import Resource, of_batch, of_exception
from pat_events.transports.aws.letters import is_letter, letter_fields
from pat_events.transports.aws.message_fields import message_fields
from pat_events.transports.aws.queue_names import (
    ask_queue_id,
    check_queue,
    is_arn,
    short_name,
    url_of,
)
from pat_events.transports.aws.sender import BusSender
from pat_events.transports.sending import place_of_bus, place_of_queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pat_events.catalog.model import Catalog
    from pat_events.config import Config
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import SenderSpans
    from pat_events.transports.aws.batching import Answer
    from pat_events.transports.sending import Outgoing

_MAX_BYTES: Final = 1_048_576
_LIMIT: Final = ("SQS", _MAX_BYTES)
_RIGHT: Final = "sqs:SendMessage (and sqs:GetQueueUrl for a queue that is named)"


class Sqs:
    """Sends events to SQS queues, standard or FIFO; a transport for ``Producer``.

    A FIFO queue gets the events of one key in order, and each once within five minutes: the
    message group is the key, the deduplication id the event's. Of one key one message is on its
    way at a time.

    Args:
        queues: The queue of all events, or one for each type of event by its name in the catalogue;
            queues by name, URL or ARN, all in one region: that of an ARN. To hand an event to
            several queues is EventBridge's or SNS's business.
        config: Where and how; from ``PAT_EVENTS_AWS_*`` when None.
        data: How the event is in the body: as ``"json"``, or as the codec wrote it, in
            ``"base64"``, which costs the sender less and can be read by fewer.

    Raises:
        ConfigError: this is no queue's name, URL or ARN.
    """

    system = "aws_sqs"

    def __init__(
        self,
        queues: str | Mapping[str, str],
        config: AwsConfig | None = None,
        *,
        data: Literal["json", "base64"] = "json",
    ) -> None:
        if not isinstance(queues, str | Mapping):
            raise wrong_type("queues", queues, "a queue, or a mapping from event types to queues")
        self._queues = queues if isinstance(queues, str) else dict(queues)
        for queue in self._named():
            check_queue(queue)
        self._config = AwsConfig.given(config, next(filter(is_arn, self._named()), ""))
        self._clients = Clients("sqs", self._config)
        self._data = checked_data_form(data)

    @property
    def address(self) -> str:
        """Its queues; see ``SendingTransport.address``."""
        return ", ".join(short_name(queue) for queue in self._named())

    @property
    def keeps_order(self) -> bool:
        """Whether one of its queues does: a FIFO queue."""
        return any(queue.endswith(".fifo") for queue in self._named())

    def sender(
        self,
        config: Config,
        observers: Iterable[GivenObserver] = (),
        spans: SenderSpans | None = None,
    ) -> BusSender:
        """Return a new sender.

        Raises:
            ConfigError: the catalogue has no such event; no region is named; or the extra ``aws``
                is not installed.
        """
        types = EventTypes(load_catalog(config.catalog))
        if isinstance(self._queues, dict):
            for name in self._queues:
                if name not in types.catalog.events:
                    near = did_you_mean(name, types.catalog.events)
                    raise ConfigError(f"queues: the catalogue has no event {name!r}{near}")
        bus = _Queues(
            self._queues, self._clients.make(), Envelopes(types), self._data, self.address
        )
        return BusSender(bus, config, self._config, observers=observers, spans=spans)

    def ping(self, timeout_s: float) -> None:
        """Ask whether the queues are there; see ``SendingTransport.ping``.

        Raises:
            TopicMissingError: names the queue that is not.
        """
        names = self._named()
        for queue in names:
            question = partial(_look, queue)
            self._clients.ask(timeout_s / len(names), partial(_resource, queue), question)

    def routed(self, catalog: Catalog) -> Sequence[str]:
        """Return what has its queue as a target, or a queue here; see ``BridgeTarget.routed``."""
        if not isinstance(self._queues, str):
            return list(self._queues)
        events, queue = catalog.events.values(), short_name(self._queues)
        return [
            it.name
            for it in events
            if any(_is_called(queue, name) for name in it.targets.get("queues", ()))
        ]

    def check_events(self, names: Iterable[str]) -> None:
        """Refuse events that none of several queues is for; see ``BridgeTarget.check_events``."""
        if isinstance(self._queues, str):
            return
        if missing := [name for name in names if name not in self._queues]:
            raise ConfigError(
                f"no queue is named for {', '.join(missing)}: name one in Sqs({{...}}), or choose "
                "the events that are forwarded with types"
            )

    def places(self, timeout_s: float) -> Callable[[str], str]:
        """Return what names its queue, or all of them as one; see ``BridgeTarget.places``."""
        if isinstance(self._queues, str):
            ask = partial(self._clients.ask, timeout_s, partial(_resource, self._queues))
            place = place_of_queue(ask_queue_id(self._queues, ask))
        else:
            place = place_of_bus(self.address)
        return lambda _: place

    def check_dead_letters(self, destination: str, timeout_s: float) -> None:
        """Ask whether this queue is there; see ``DeadLetterTransport.check_dead_letters``.

        Raises:
            ConfigError: it is no queue's name, URL or ARN.
        """
        check_queue(destination)
        question = partial(_look, destination)
        self._clients.ask(timeout_s, partial(_resource, destination), question)

    def _named(self) -> list[str]:
        if isinstance(self._queues, str):
            return [self._queues]
        return list(dict.fromkeys(self._queues.values()))


class _Queues:
    """The bus that a sender sends to."""

    system = Sqs.system
    max_bytes = _MAX_BYTES

    def __init__(
        self,
        queues: str | Mapping[str, str],
        client: Any,  # noqa: ANN401 - boto3 makes its classes when it runs
        envelopes: Envelopes,
        data: DataForm,
        address: str,
    ) -> None:
        self.address = address
        self._queues = queues
        self._envelopes = envelopes
        self._data = data
        self._client = client
        self._urls: dict[str, str] = {}

    def wrap(self, outgoing: Outgoing) -> Entry:
        """Return a record as a message; see ``Bus.wrap``."""
        if is_letter(outgoing.headers):
            return self._wrap_letter(outgoing)
        wrapped = self._envelopes.wrap(outgoing)
        queue = self._queue_of(wrapped.event_type.name)
        body = self._envelopes.structured(outgoing, wrapped, self._data)
        fields, size = message_fields(
            "MessageBody", body, wrapped, is_fifo=queue.endswith(".fifo"), limit=_LIMIT
        )
        trace = trace_header(wrapped.headers)
        if trace is not None:
            fields["MessageSystemAttributes"] = {
                "AWSTraceHeader": {"DataType": "String", "StringValue": trace}
            }
        group = fields.get("MessageGroupId")
        return Entry(outgoing, queue, short_name(queue), fields, size, group)

    def _wrap_letter(self, letter: Outgoing) -> Entry:
        """Return a dead letter as a message for the queue it names."""
        queue = letter.topic
        fields, size = letter_fields(letter, is_fifo=queue.endswith(".fifo"), limit=_LIMIT)
        return Entry(letter, queue, short_name(queue), fields, size, fields.get("MessageGroupId"))

    def _queue_of(self, event: str) -> str:
        if isinstance(self._queues, str):
            return self._queues
        queue = self._queues.get(event)
        if queue is None:
            raise ConfigError(f"no queue is named for {event}: name one in Sqs({{...}})")
        return queue

    def call(self, entries: Sequence[Entry]) -> Sequence[Answer] | Refused:
        """Send a batch of messages to one queue; see ``Bus.call``."""
        queue = entries[0].destination
        resource = _resource(queue, self._client.meta.region_name)
        messages = [{"Id": str(n), **entry.fields} for n, entry in enumerate(entries)]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._url(queue), Entries=messages)
        except Exception as error:  # noqa: BLE001 - what is none of boto3's goes on
            return of_exception(resource, error)
        return of_batch(resource, answer, len(messages))

    def close(self) -> None:
        """Let go of connections; see ``Bus.close``."""
        self._client.close()

    def _url(self, queue: str) -> str:
        url = self._urls.get(queue)
        if url is None:
            url = self._urls[queue] = url_of(queue, self._client)
        return url


def _look(queue: str, client: Any) -> None:  # noqa: ANN401 - boto3 makes its classes when it runs
    url = url_of(queue, client)
    if url == queue:  # Nobody was asked.
        client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])


def _resource(queue: str, region: str) -> Resource:
    return Resource(f"queue {short_name(queue)}", region, _RIGHT)


def _is_called(queue: str, name: str) -> bool:
    """Tell whether a queue is one of the catalogue's, after platform and environment."""
    return f"-{queue.removesuffix('.fifo')}".endswith(f"-{name}")
