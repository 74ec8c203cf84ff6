"""Where a demo runs on AWS's own buses: a bus with two rules, and a queue behind each."""

from __future__ import annotations

import json
import logging
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pat_events.catalog.load import load_catalog
from pat_events.core.shown import one_line
from pat_events.demo.sites import PROCESSOR, VALIDATOR
from pat_events.errors import TopicMissingError
from pat_events.transports.aws.client import Clients
from pat_events.transports.aws.errors import Resource, of_exception
from pat_events.transports.aws.eventbridge import EventBridge
from pat_events.transports.aws.sqs_receiver import SqsQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pat_events.catalog.model import EventType
    from pat_events.config import Config
    from pat_events.transports.aws.config import AwsConfig

_log = logging.getLogger("pat_events.demo")

# One that SQS and EventBridge take everywhere, with what JSON and base64 make of it.
MAX_EVENT_BYTES: Final = 150_000
# What is given up comes once more before it is moved away.
MAX_RECEIVES: Final = 2
_CONSUMES: Final = {PROCESSOR: "EmailReceived", VALIDATOR: "EmailProcessed"}
_RIGHTS: Final = (
    "events:CreateEventBus, events:PutRule, events:PutTargets, sqs:CreateQueue, and what removes "
    "them again"
)


@dataclass(frozen=True, slots=True)
class QueueOfDemo:
    """A queue, and the one that it moves what is given up to; by URL."""

    url: str
    letters_url: str
    letters_arn: str


class AwsSite:
    """A bus and queues with everything the demo needs.

    Attributes:
        config: Settings of events.
        bus: Where events go.
        queues: By the name of the consumer.
        address: Where all of it is, as a person is told.
    """

    def __init__(self, config: Config, aws: AwsConfig, suffix: str) -> None:
        self.config = replace(config, max_event_bytes=min(config.max_event_bytes, MAX_EVENT_BYTES))
        self._aws = aws
        self.name = f"pat-events{suffix}"
        self.bus = EventBridge(self.name, aws)
        self.queues: dict[str, QueueOfDemo] = {}
        self._sqs = Clients("sqs", aws).make()
        self._events = Clients("events", aws).make()
        self._suffix = suffix

    @property
    def address(self) -> str:
        """Where it is."""
        meta = self._sqs.meta
        return f"bus {self.name}, {meta.region_name}, {meta.endpoint_url}"

    def queue(self, consumer: str) -> SqsQueue:
        """Return the queue of a consumer."""
        return SqsQueue(self.queues[consumer].url, self._aws)

    def letters(self, consumer: str) -> SqsQueue:
        """Return the dead-letter queue of a consumer."""
        return SqsQueue(self.queues[consumer].letters_url, self._aws)

    def redrive(self, consumer: str) -> None:
        """Begin to give back all that the queue of a consumer has moved away.

        Raises:
            PatEventsError: it is not permitted, or nobody answers.
        """
        self._ask(self._sqs.start_message_move_task, SourceArn=self.queues[consumer].letters_arn)

    def make(self, ends: ExitStack) -> None:
        """Make bus, queues and rules; ``ends`` removes them.

        Raises:
            PatEventsError: it is not permitted, or nobody answers.
        """
        catalog = load_catalog(self.config.catalog)
        # First, here and below: an interrupted call may have made it.
        ends.callback(self._remove, self._events.delete_event_bus, Name=self.name)
        self._ask(self._events.create_event_bus, Name=self.name)
        for consumer, event in _CONSUMES.items():
            self._make_queue(ends, consumer, catalog.events[event])

    def _make_queue(self, ends: ExitStack, consumer: str, event: EventType) -> None:
        name = f"{consumer}{self._suffix}"
        letters_url, letters_arn = self._make_plain(ends, f"{name}-dlq")
        url, arn = self._make_plain(ends, name)
        rule = self._make_rule(ends, name, event, arn)
        redrive = {"deadLetterTargetArn": letters_arn, "maxReceiveCount": MAX_RECEIVES}
        attributes = {"RedrivePolicy": json.dumps(redrive), "Policy": _policy(arn, rule)}
        self._ask(self._sqs.set_queue_attributes, QueueUrl=url, Attributes=attributes)
        self.queues[consumer] = QueueOfDemo(url, letters_url, letters_arn)

    def _make_plain(self, ends: ExitStack, name: str) -> tuple[str, str]:
        ends.callback(self._remove_queue, name)
        url = self._ask(self._sqs.create_queue, QueueName=name)["QueueUrl"]
        told = self._ask(self._sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["QueueArn"])
        return url, told["Attributes"]["QueueArn"]

    def _make_rule(self, ends: ExitStack, name: str, event: EventType, arn: str) -> str:
        place = {"Name": name, "EventBusName": self.name}
        target = {"Rule": name, "EventBusName": self.name}
        pattern = {"source": [event.source], "detail-type": [event.detail_type]}
        ends.callback(self._remove, self._events.delete_rule, **place)
        ends.callback(self._remove, self._events.remove_targets, **target, Ids=["queue"])
        made = self._ask(self._events.put_rule, **place, EventPattern=json.dumps(pattern))
        self._ask(self._events.put_targets, **target, Targets=[{"Id": "queue", "Arn": arn}])
        rule: str = made["RuleArn"]
        return rule

    def _remove_queue(self, name: str) -> None:
        def remove() -> None:
            url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
            self._sqs.delete_queue(QueueUrl=url)

        self._remove(remove)

    def _ask(self, call: Callable[..., Any], **arguments: Any) -> Any:  # noqa: ANN401 - boto3 makes its classes when it runs
        try:
            return call(**arguments)
        except Exception as error:
            place = Resource(self.name, self._sqs.meta.region_name, _RIGHTS, doing="making")
            raise of_exception(place, error).error from error

    def _remove(self, call: Callable[..., Any], **arguments: Any) -> None:  # noqa: ANN401 - as above
        try:
            call(**arguments)
        except Exception as error:  # noqa: BLE001 - the others are to go all the same
            place = Resource(self.name, self._sqs.meta.region_name, _RIGHTS, doing="removing")
            refused = of_exception(place, error).error
            if not isinstance(refused, TopicMissingError):  # It was never made.
                text = one_line(str(refused))
                _log.warning("look what was left behind, by %s: %s", self._suffix, text)


@contextmanager
def on_aws(config: Config, aws: AwsConfig) -> Iterator[AwsSite]:
    """Make a bus, rules and queues of this run's own; they go with the block.

    Raises:
        ConfigError: no region is named, or the extra ``aws`` is not installed.
        PatEventsError: what keeps them from being made.
    """
    site = AwsSite(config, aws, f"-demo-{uuid.uuid4().hex[:8]}")
    with ExitStack() as ends:
        site.make(ends)
        yield site


def _policy(queue: str, rule: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "events.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": queue,
                    "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
                }
            ],
        }
    )
