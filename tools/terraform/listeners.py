"""Queues that listen to a topic: one gets messages as they were sent, one as SNS wraps them."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tools.stack.localstack import client
from tools.terraform.services import QueueOfPlatform

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_RECEIVES = 3
# Listener to whether its messages come as they were sent.
LISTENERS = {"listener-raw": True, "listener-wrapped": False}


@contextmanager
def listeners(endpoint_url: str, region: str, topic: str) -> Iterator[dict[str, QueueOfPlatform]]:
    """Make them, with queues for their dead letters; all goes with the block."""
    sqs, sns = (client(name, endpoint_url, region_name=region) for name in ("sqs", "sns"))
    with ExitStack() as ends:
        heard = {}
        for name, raw in LISTENERS.items():
            dead_url, dead_arn = _queue(sqs, ends, f"{name}-dlq", {})
            redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": MAX_RECEIVES}
            url, arn = _queue(sqs, ends, name, {"RedrivePolicy": json.dumps(redrive)})
            made = sns.subscribe(
                TopicArn=topic,
                Protocol="sqs",
                Endpoint=arn,
                Attributes={"RawMessageDelivery": str(raw).lower()},
            )
            ends.callback(sns.unsubscribe, SubscriptionArn=made["SubscriptionArn"])
            heard[name] = QueueOfPlatform(url, dead_url, dead_arn)
        yield heard


def _queue(sqs: Any, ends: ExitStack, name: str, attributes: dict[str, str]) -> tuple[str, str]:  # noqa: ANN401 - boto3's clients have no types
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    ends.callback(sqs.delete_queue, QueueUrl=url)
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, told["Attributes"]["QueueArn"]
