"""Sends events through every rule, by way of dead letters, to every queue, handler and workflow.

As services would: our senders publish, our consumers receive. What is published here is refused at
first, until its queue has moved it to its dead letters; then it is given back, and handled.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pat_events import AwsConfig, Config, EventBridge, Producer, Sns, Sqs
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.core.envelope import Envelope
from pat_events.core.trace_context import parse
from tools.stack.localstack import LocalStack, client
from tools.terraform.listeners import listeners
from tools.terraform.runs import Runs
from tools.terraform.services import FOLLOW_UPS, QueueOfPlatform, Services, made
from tools.terraform.walks import Chain, queue_fault, steps_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pat_events.transports.sending import SendingTransport

ARRIVAL_WAIT_S = 60.0
PAUSE_S = 0.2
# Goes where no rule leads: to a queue past the bus, and by a topic to those who listen to it.
STRAY = "TenantEvent"
TOPIC = "operations"


@dataclass
class Delivery:
    """One way of an event to a target; without fault it was seen there.

    Attributes:
        rule: The rule, or what else led it there.
        target: Queue or workflow.
        kind: Of the target.
        message_group: Of a FIFO queue.
        event: Its name in the catalogue.
        fault: Why it did not go as it should.
    """

    rule: str
    target: str
    kind: str
    message_group: str | None
    event: str
    fault: str = "no event arrived"


def deliver(endpoint_url: str, outputs: dict[str, Any]) -> list[Delivery]:
    """Publish one event per rule, and some past the rules; the answer says what became of each.

    Args:
        endpoint_url: Where every service answers.
        outputs: What ``terraform output`` says of the applied platform.
    """
    # Each event is refused on purpose, which consumers would say.
    logging.getLogger("pat_events").addHandler(logging.NullHandler())
    region = outputs["event_bus"]["arn"].split(":")[3]
    with ExitStack() as open_:
        open_.enter_context(signed_in(endpoint_url))
        heard = open_.enter_context(listeners(endpoint_url, region, outputs["sns_topics"][TOPIC]))
        return _Flow(endpoint_url, region, outputs, heard).run()


@contextmanager
def signed_in(endpoint_url: str) -> Iterator[None]:
    """Lead the clients of our transports there; they find their keys as any boto3 client does."""
    before = dict(os.environ)
    os.environ.update(LocalStack.environ_of(endpoint_url))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class _Flow:
    def __init__(
        self,
        endpoint_url: str,
        region: str,
        outputs: dict[str, Any],
        heard: dict[str, QueueOfPlatform],
    ) -> None:
        self._outputs = outputs
        self._config = AwsConfig(region=region, endpoint_url=endpoint_url)
        self._sqs = client("sqs", endpoint_url, region_name=region)
        self._types = EventTypes(load_catalog())
        self._mark, self._trace_id = (uuid.uuid4().hex for _ in range(2))
        answers = {event.__name__: answer.__name__ for event, answer in FOLLOW_UPS.items()}
        self._chain = Chain(self._mark, self._trace_id, answers)
        self._runs = Runs(endpoint_url, region, outputs["workflows"], self._mark)
        self._queues = heard | {
            name: QueueOfPlatform(it["url"], it["dead_letter_url"], it["dead_letter_arn"])
            for name, it in outputs["queues"].items()
        }
        self._bus = EventBridge(outputs["event_bus"]["name"], self._config)
        self._services = Services(
            self._queues, self._types, self._bus, self._config, first=self._mark
        )
        events = {rule: self._event_of(pattern) for rule, pattern in outputs["rules"].items()}
        self._deliveries = [
            Delivery(it["rule"], it["name"], it["kind"], it["message_group"], events[it["rule"]])
            for it in outputs["targets"]
            # LocalStack runs no function without Docker; for the other kinds see `elsewhere`.
            if it["kind"] in {"queue", "fifo_queue", "workflow"}
        ]
        past_the_bus = self._queues.keys() - heard - {it.target for it in self._deliveries}
        self._deliveries += [Delivery("SQS", it, "queue", None, STRAY) for it in past_the_bus]
        self._deliveries += [Delivery("SNS", it, "queue", None, STRAY) for it in heard]

    def run(self) -> list[Delivery]:
        with self._services:
            self._publish_all()
            self._wait(self._all_given_up)
            self._services.repair()
            for queue in self._queues.values():
                self._give_back(queue)
            self._wait(self._all_arrived)
            self._wait(self._nothing_left)
        for delivery in self._deliveries:
            strangers = self._strangers(delivery.target)
            if strangers and delivery.kind != "workflow":
                delivery.fault = f"the queue also got {sorted(strangers)}"
            elif not delivery.fault and not self._is_empty(delivery.target):
                delivery.fault = "a message is left in the queue, or in that of its dead letters"
        return self._deliveries

    def _give_back(self, queue: QueueOfPlatform) -> None:
        """Return to a queue what it has moved away."""
        if not queue.url.endswith(".fifo"):
            self._sqs.start_message_move_task(SourceArn=queue.dead_letter_arn)
            return
        # LocalStack's own move keeps deduplication ids, and its queue then drops what it moves.
        while messages := self._sqs.receive_message(
            QueueUrl=queue.dead_letter_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=0,
            MessageSystemAttributeNames=["MessageGroupId"],
        ).get("Messages"):
            for message in messages:
                self._sqs.send_message(
                    QueueUrl=queue.url,
                    MessageBody=message["Body"],
                    MessageGroupId=message["Attributes"]["MessageGroupId"],
                    MessageDeduplicationId=message["MessageId"],
                )
                self._sqs.delete_message(
                    QueueUrl=queue.dead_letter_url, ReceiptHandle=message["ReceiptHandle"]
                )

    def _publish_all(self) -> None:
        self._runs.store_definition(self._mark)
        by_rule = {it.rule: it.event for it in self._deliveries if it.rule not in {"SQS", "SNS"}}
        self._publish(self._bus, by_rule)
        for delivery in self._deliveries:
            if delivery.rule == "SQS":
                url = self._queues[delivery.target].url
                self._publish(Sqs(url, self._config), {"SQS": STRAY})
        topic = self._outputs["sns_topics"][TOPIC]
        self._publish(Sns(topic, self._config), {"SNS": STRAY})

    def _publish(self, transport: SendingTransport, events: dict[str, str]) -> None:
        """Publish events, by what leads them to their targets, as the first of all that follows."""
        trace = parse(f"00-{self._trace_id}-{self._trace_id[:16]}-01".encode())
        first = Envelope(self._mark, None, None, None, None, self._mark, None, "t-1", None, trace)
        with Producer(Config(), transport=transport) as producer:
            for rule, name in events.items():
                key = self._types.catalog.events[name].key
                event = made(name, key, self._mark, self._id_of(rule))
                producer.publish(event, caused_by=first)

    def _id_of(self, rule: str) -> str:
        return f"{self._mark}-{rule}"

    def _event_of(self, pattern: dict[str, list[str]]) -> str:
        """Return the event that a rule's pattern matches."""
        wanted = (pattern["source"], pattern["detail-type"])
        return next(
            it.name
            for it in self._types.catalog.events.values()
            if ([it.source], [it.detail_type]) == wanted
        )

    @staticmethod
    def _wait(done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + ARRIVAL_WAIT_S
        while not done() and time.monotonic() < deadline:
            time.sleep(PAUSE_S)

    def _all_given_up(self) -> bool:
        wanted = Counter(it.target for it in self._deliveries if it.kind != "workflow")
        return all(
            self._count(self._queues[queue].dead_letter_url) >= count
            for queue, count in wanted.items()
        )

    def _all_arrived(self) -> bool:
        for delivery in self._deliveries:
            if delivery.fault:
                delivery.fault = self._fault_of(delivery)
        return not any(it.fault for it in self._deliveries)

    def _nothing_left(self) -> bool:
        return all(map(self._is_empty, self._queues))

    def _is_empty(self, name: str) -> bool:
        queue = self._queues.get(name)
        return queue is None or not self._count(queue.url) + self._count(queue.dead_letter_url)

    def _count(self, url: str) -> int:
        """Return how many messages a queue has, those at work included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    def _fault_of(self, delivery: Delivery) -> str:
        event_id = self._id_of(delivery.rule)
        seen = list(self._services.seen)
        if delivery.kind == "workflow":
            return (
                self._runs.fault(delivery.target, event_id)
                or steps_fault(seen, self._runs.steps(event_id), self._chain)
                or self._runs.refusal_fault(delivery.target)
            )
        return queue_fault(seen, delivery.target, event_id, delivery.message_group, self._chain)

    def _strangers(self, queue: str) -> set[str]:
        """Return events that a queue got though nothing leads them there."""
        wanted = {it.event for it in self._deliveries if it.target == queue}
        return {it.event for it in self._services.seen if it.queue == queue} - wanted
