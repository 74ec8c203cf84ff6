"""What can be found out about AWS's side without changing anything: what ``doctor`` asks."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from pat_events.transports.aws.bus_names import short_bus
from pat_events.transports.aws.calls import call
from pat_events.transports.aws.client import Clients
from pat_events.transports.aws.errors import Resource
from pat_events.transports.aws.queue_names import name_of_arn, short_name, url_of
from pat_events.transports.aws.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pat_events.transports.aws.config import AwsConfig

_OF_ARCHIVES: Final = "Events-Archive-"


class Identity(NamedTuple):
    """Who asks, as AWS sees it.

    Attributes:
        account: Number of the account.
        arn: ARN of user or role.
        method: Where boto3 found the credentials.
        ends: When these end, as far as that is known.
        skew_s: How far this machine's clock is ahead of AWS's, in seconds; None where not told.
    """

    account: str
    arn: str
    method: str
    ends: datetime | None
    skew_s: float | None


class Inspection:
    """Asks one region of AWS; ``with`` closes its connections.

    Args:
        config: Where.
        timeout_s: How long an answer may take.
    """

    def __init__(self, config: AwsConfig, timeout_s: float) -> None:
        self._make = Clients("sts", config)
        self._timeout_s = timeout_s
        self._clients: dict[str, Any] = {}
        #: What is permitted.
        self.trials = Trials(self._client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()

    @property
    def region(self) -> str:
        """The region that is asked.

        Raises:
            ConfigError: none is named, or the extra ``aws`` is not installed.
        """
        region: str = self._client("sqs").meta.region_name
        return region

    def identity(self) -> Identity:
        """Return who asks.

        Raises:
            AuthenticationError: nobody whom AWS knows.
            TransportError: there was no answer.
        """
        client = self._client("sts")
        place = Resource("AWS", client.meta.region_name, "sts:GetCallerIdentity", "asking")
        answer = call(place, client.get_caller_identity)
        method, ends = self._make.credentials()
        return Identity(answer["Account"], answer["Arn"], method, ends, _skew_s(answer))

    def queue(self, queue: str) -> Mapping[str, str]:
        """Return the attributes of a queue, and its URL as ``QueueUrl``.

        Raises:
            TopicMissingError: there is none.
            NotPermittedError: one may not look.
            TransportError: there was no answer.
        """
        client = self._client("sqs")
        url = self._url(queue)
        place = self._queue(queue, "sqs:GetQueueAttributes", "looking at")
        answer = call(place, client.get_queue_attributes, QueueUrl=url, AttributeNames=["All"])
        return {**answer.get("Attributes", {}), "QueueUrl": url}

    def _url(self, queue: str) -> str:
        place = self._queue(queue, "sqs:GetQueueUrl", "looking for")
        return call(place, url_of, queue=queue, client=self._client("sqs"))

    def sources_of(self, url: str) -> Sequence[str]:
        """Return the names of the queues whose dead-letter queue this is.

        Raises:
            TransportError: there was no answer, or one may not look.
        """
        place = self._queue(url, "sqs:ListDeadLetterSourceQueues", "looking at")
        answer = call(place, self._client("sqs").list_dead_letter_source_queues, QueueUrl=url)
        return [short_name(each) for each in answer.get("queueUrls", ())]

    def bus(self, bus: str) -> Mapping[str, Any]:
        """Return what EventBridge says of a bus.

        Raises:
            TopicMissingError: there is none.
            TransportError: there was no answer, or one may not look.
        """
        place = self._bus(bus, "events:DescribeEventBus")
        return call(place, self._client("events").describe_event_bus, Name=bus)

    def rules(self, bus: str) -> tuple[int, bool]:
        """Return how many enabled rules a bus has, as far as a first answer tells; and if more.

        That of its archive, which AWS keeps, is none of them.

        Raises:
            TransportError: there was no answer, or one may not look.
        """
        place = self._bus(bus, "events:ListRules")
        answer = call(place, self._client("events").list_rules, EventBusName=bus)
        enabled = [
            it
            for it in answer.get("Rules", ())
            if it.get("State") != "DISABLED" and not it["Name"].startswith(_OF_ARCHIVES)
        ]
        return len(enabled), "NextToken" in answer

    def archives(self, bus_arn: str) -> Sequence[Mapping[str, Any]]:
        """Return what EventBridge says of the archives of a bus.

        Raises:
            TransportError: there was no answer, or one may not look.
        """
        place = self._bus(bus_arn, "events:ListArchives")
        answer = call(place, self._client("events").list_archives, EventSourceArn=bus_arn)
        found: Sequence[Mapping[str, Any]] = answer.get("Archives", ())
        return found

    def topic(self, topic: str) -> Mapping[str, str]:
        """Return the attributes of a topic.

        Raises:
            TopicMissingError: there is none.
            TransportError: there was no answer, or one may not look.
        """
        place = self._topic(topic, "sns:GetTopicAttributes")
        answer = call(place, self._client("sns").get_topic_attributes, TopicArn=topic)
        found: Mapping[str, str] = answer.get("Attributes", {})
        return found

    def subscriptions(self, topic: str) -> tuple[int, int]:
        """Return how many subscriptions are confirmed, and how many are to be; 100 at most.

        Raises:
            TransportError: there was no answer, or one may not look.
        """
        place = self._topic(topic, "sns:ListSubscriptionsByTopic")
        answer = call(place, self._client("sns").list_subscriptions_by_topic, TopicArn=topic)
        arns = [each["SubscriptionArn"] for each in answer.get("Subscriptions", ())]
        confirmed = sum(arn.startswith("arn:") for arn in arns)
        return confirmed, len(arns) - confirmed

    def key_state(self, key: str) -> str:
        """Return the state of a KMS key, by id, ARN or alias: "Enabled" is sound.

        Raises:
            TransportError: there was no answer, or one may not look.
        """
        place = Resource(f"KMS key {key}", self.region, "kms:DescribeKey", "looking at")
        answer = call(place, self._client("kms").describe_key, KeyId=key)
        return str(answer["KeyMetadata"]["KeyState"])

    def _client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes when it runs
        if service not in self._clients:
            made = self._make.make(timeout_s=self._timeout_s, service=service)
            self._clients[service] = made
        return self._clients[service]

    def _queue(self, queue: str, right: str, doing: str) -> Resource:
        return Resource(f"queue {short_name(queue)}", self.region, right, doing)

    def _topic(self, topic: str, right: str) -> Resource:
        return Resource(f"topic {name_of_arn(topic)}", self.region, right, "looking at")

    def _bus(self, bus: str, right: str) -> Resource:
        return Resource(f"bus {short_bus(bus)}", self.region, right, "looking at")


def boto3_release() -> str:
    """Return the release of boto3 that is installed; empty where there is none."""
    try:
        import boto3  # noqa: PLC0415 - needs an extra
    except ImportError:
        return ""
    return str(boto3.__version__)


def _skew_s(answer: Mapping[str, Any]) -> float | None:
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        theirs = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, TypeError):
        return None
    return (datetime.now(UTC) - theirs).total_seconds()
