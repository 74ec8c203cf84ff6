"""Rings alarms and listens whether their SNS topics pass them on."""

from __future__ import annotations

import json
import time
from typing import Any

from tools.stack.localstack import client

ARRIVAL_WAIT_S = 30.0


def unheard(endpoint_url: str, outputs: dict[str, Any]) -> list[str]:
    """Ring a critical alarm and a warning; one sentence for each its topic did not tell."""
    bus, topics = outputs["event_bus"], outputs["sns_topics"]
    rung = {
        f"{bus['name']}-bus-undelivered": topics["critical-alerts"],
        f"{bus['name']}-queue-{min(outputs['queues'])}-old": topics["alerts"],
    }
    region = bus["arn"].split(":")[3]
    sqs, sns, cloudwatch = (
        client(name, endpoint_url, region_name=region) for name in ("sqs", "sns", "cloudwatch")
    )
    url = sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    subscriptions = [
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])["SubscriptionArn"]
        for topic in rung.values()
    ]
    try:
        for alarm in rung:
            cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="trial")
        heard = _heard(sqs, url, set(rung.items()))
    finally:
        for subscription in subscriptions:
            sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=url)
    return [
        f"alarm {alarm} rang, {topic.rsplit(':', 1)[1]} did not tell"
        for alarm, topic in rung.items()
        if (alarm, topic) not in heard
    ]


def _heard(sqs: Any, url: str, wanted: set[tuple[str, str]]) -> set[tuple[str, str]]:  # noqa: ANN401 - boto3's clients have no types
    """Pairs of alarm and topic that came, until all wanted did or the time is over."""
    heard: set[tuple[str, str]] = set()
    deadline = time.monotonic() + ARRIVAL_WAIT_S
    while not wanted <= heard and time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            told = json.loads(message["Body"])
            heard.add((json.loads(told["Message"])["AlarmName"], told["TopicArn"]))
    return heard
