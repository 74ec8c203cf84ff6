"""SNS: events to a topic, whose subscriptions hand them on."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.core.checks import require_text
from pat_events.errors import ConfigError
from pat_events.transports.aws.batching import Entry, Refused
from pat_events.transports.aws.client import Clients
from pat_events.transports.aws.config import AwsConfig
from pat_events.transports.aws.envelope import (
    DataForm,
    Envelopes,
    checked_data_form,
)
from pat_events.transports.aws.errors import Resource, of_batch, of_exception
from pat_events.transports.aws.message_fields import message_fields
from pat_events.transports.aws.queue_names import name_of_arn
from pat_events.transports.aws.sender import BusSender
from pat_events.transports.sending import place_of_bus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pat_events.catalog.model import Catalog
    from pat_events.config import Config
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import SenderSpans
    from pat_events.transports.aws.batching import Answer
    from pat_events.transports.sending import Outgoing

_MAX_BYTES: Final = 262_144
_LIMIT: Final = ("SNS", _MAX_BYTES)
_ARN: Final = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")


def check_topic(topic: str) -> None:
    """Refuse what is no ARN of a topic.

    Raises:
        ConfigError: it is none; says what to write.
    """
    require_text("topic", topic)
    if not _ARN.fullmatch(topic):
        raise ConfigError(
            f"{topic!r} is no SNS topic: give its ARN, arn:aws:sns:REGION:ACCOUNT:NAME"
        )


class Sns:
    """Sends events to an SNS topic, standard or FIFO; a transport for ``Producer``.

    Filter policies match the message attributes: ``ce_type``, ``ce_source``, ``ce_tenantid``. A
    FIFO topic keeps the events of one key in order, and takes each once within five minutes.

    Args:
        topic: ARN of the topic; its region is the one that is called.
        config: Where and how; from ``PAT_EVENTS_AWS_*`` when None.
        data: How the event is in the message: as ``"json"``, or as the codec wrote it, in
            ``"base64"``, which costs the sender less and can be read by fewer.

    Raises:
        ConfigError: this is no ARN of a topic.
    """

    system = "aws.sns"

    def __init__(
        self,
        topic: str,
        config: AwsConfig | None = None,
        *,
        data: Literal["json", "base64"] = "json",
    ) -> None:
        check_topic(topic)
        self._topic = topic
        self._config = AwsConfig.given(config, topic)
        self._clients = Clients("sns", self._config)
        self._data = checked_data_form(data)

    @property
    def address(self) -> str:
        """Its topic; see ``SendingTransport.address``."""
        return name_of_arn(self._topic)

    @property
    def keeps_order(self) -> bool:
        """Whether it is a FIFO topic."""
        return self._topic.endswith(".fifo")

    def sender(
        self,
        config: Config,
        observers: Iterable[GivenObserver] = (),
        spans: SenderSpans | None = None,
    ) -> BusSender:
        """Return a new sender.

        Raises:
            ConfigError: the extra ``aws`` is not installed.
        """
        envelopes = Envelopes(EventTypes(load_catalog(config.catalog)))
        bus = _Topic(self._topic, self._clients.make(), envelopes, self._data)
        return BusSender(bus, config, self._config, observers=observers, spans=spans)

    def ping(self, timeout_s: float) -> None:
        """Ask whether the topic is there; see ``SendingTransport.ping``.

        Raises:
            TopicMissingError: it is not.
        """
        question = partial(_look, self._topic)
        self._clients.ask(timeout_s, partial(_resource, self._topic), question)

    def routed(self, catalog: Catalog) -> Sequence[str]:
        """Return nothing: the catalogue names no topic of SNS; see ``BridgeTarget.routed``."""
        del catalog
        return ()

    def check_events(self, names: Iterable[str]) -> None:
        """Return: it takes every event; see ``BridgeTarget.check_events``."""

    def places(self, timeout_s: float) -> Callable[[str], str]:
        """Return what names it; see ``BridgeTarget.places``."""
        del timeout_s
        place = place_of_bus(self.address)
        return lambda _: place


class _Topic:
    """The bus that a sender sends to."""

    system = Sns.system
    max_bytes = _MAX_BYTES

    def __init__(
        self,
        topic: str,
        client: Any,  # noqa: ANN401 - boto3 makes its classes when it runs
        envelopes: Envelopes,
        data: DataForm,
    ) -> None:
        self.address = name_of_arn(topic)
        self._topic = topic
        self._is_fifo = topic.endswith(".fifo")
        self._envelopes = envelopes
        self._data = data
        self._client = client

    def wrap(self, outgoing: Outgoing) -> Entry:
        """Return a record as a message; see ``Bus.wrap``."""
        wrapped = self._envelopes.wrap(outgoing)
        message = self._envelopes.structured(outgoing, wrapped, self._data)
        fields, size = message_fields(
            "Message", message, wrapped, is_fifo=self._is_fifo, limit=_LIMIT
        )
        group = fields.get("MessageGroupId")
        return Entry(outgoing, self._topic, self.address, fields, size, group)

    def call(self, entries: Sequence[Entry]) -> Sequence[Answer] | Refused:
        """Publish a batch of messages; see ``Bus.call``."""
        resource = _resource(self._topic, self._client.meta.region_name)
        messages = [{"Id": str(n), **entry.fields} for n, entry in enumerate(entries)]
        try:
            answer = self._client.publish_batch(
                TopicArn=self._topic, PublishBatchRequestEntries=messages
            )
        except Exception as error:  # noqa: BLE001 - what is none of boto3's goes on
            return of_exception(resource, error)
        return of_batch(resource, answer, len(messages))

    def close(self) -> None:
        """Let go of connections; see ``Bus.close``."""
        self._client.close()


def _resource(topic: str, region: str) -> Resource:
    return Resource(f"topic {name_of_arn(topic)}", region, "sns:Publish")


def _look(topic: str, client: Any) -> None:  # noqa: ANN401 - boto3 makes its classes when it runs
    client.get_topic_attributes(TopicArn=topic)
