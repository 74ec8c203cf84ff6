"""A rule whose targets are others' (topic, bus, HTTP endpoint, stream), and what reaches them."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from pat_events import AwsConfig, Config, EventBridge, Producer
from tools.stack.localstack import client
from tools.terraform.services import made

if TYPE_CHECKING:
    from collections.abc import Iterator

ARRIVAL_WAIT_S = 60.0
# Leads to no other target, so that nobody else gets what is published here.
EVENT, KEY = "EmailDeleted", "email_id"
LARGE = "large-1"
RULE: dict[str, Any] = {
    "event": EVENT,
    "filter": {KEY: [{"prefix": "large-"}]},
    "transform": {"paths": {"id": f"$.detail.{KEY}"}, "template": '{"email": <id>}'},
    "targets": {
        "sns_topics": ["news"],
        "streams": ["analytics"],
        "buses": ["partner"],
        "endpoints": ["crm"],
    },
}
FORM = {"email": LARGE}


class Elsewhere:
    """What others have before the platform comes.

    Args:
        endpoint_url: Where every service answers.
        region: The platform's.
    """

    def __init__(self, endpoint_url: str, region: str) -> None:
        self._config = AwsConfig(region=region, endpoint_url=endpoint_url)
        self._sqs, self._sns, self._events = (
            client(name, endpoint_url, region_name=region) for name in ("sqs", "sns", "events")
        )
        self._queues = {name: self._queue(name) for name in ("news", "partner")}
        self._topic = self._sns.create_topic(Name="news")["TopicArn"]
        self._bus = self._events.create_event_bus(Name="partner")["EventBusArn"]
        self._connection = self._events.create_connection(
            Name="crm",
            AuthorizationType="API_KEY",
            AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "k"}},
        )["ConnectionArn"]
        self._lead()

    def variables(self) -> dict[str, Any]:
        """Where they are, as the platform's inputs want it."""
        stream = self._bus.replace(":events:", ":kinesis:").split(":event-bus")[0]
        return {
            "event_topics": {"news": {"arn": self._topic}},
            # A target by its ARN; LocalStack's streams need a program that is not here.
            "event_streams": {"analytics": {"arn": f"{stream}:stream/analytics"}},
            "event_buses": {"partner": self._bus},
            "event_endpoints": {
                "crm": {"url": "https://crm.example.com", "connection_arn": self._connection}
            },
        }

    def faults(self, outputs: dict[str, Any]) -> list[str]:
        """Publish an event the rule lets through and one it does not; what went wrong with them."""
        with _heard() as (address, calls):
            # Others' endpoints have https, which this one cannot.
            name = f"{outputs['event_bus']['name']}-crm"
            self._events.update_api_destination(Name=name, InvocationEndpoint=address)
            bus = EventBridge(outputs["event_bus"]["name"], self._config)
            with Producer(Config(), transport=bus) as producer:
                for key in ("small-1", LARGE):
                    producer.publish(made(EVENT, KEY, key, f"elsewhere-{key}"))
            arrived: dict[str, list[Any]] = {"news": [], "partner": [], "crm": calls}
            deadline = time.monotonic() + ARRIVAL_WAIT_S
            while not all(arrived.values()) and time.monotonic() < deadline:
                for queue in self._queues:
                    arrived[queue] += self._received(queue)
        arrived["partner"] = [{"email": body["detail"][KEY]} for body in arrived["partner"]]
        return [f"{name} got {got}, not {FORM}" for name, got in arrived.items() if got != [FORM]]

    def _queue(self, name: str) -> str:
        return str(self._sqs.create_queue(QueueName=f"elsewhere-{name}")["QueueUrl"])

    def _lead(self) -> None:
        """Lead what comes to the topic and to the bus into their queues."""
        arns = {
            name: self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])[
                "Attributes"
            ]["QueueArn"]
            for name, url in self._queues.items()
        }
        self._sns.subscribe(
            TopicArn=self._topic,
            Protocol="sqs",
            Endpoint=arns["news"],
            Attributes={"RawMessageDelivery": "true"},
        )
        pattern = json.dumps({"detail-type": [{"exists": True}]})
        self._events.put_rule(Name="all", EventBusName="partner", EventPattern=pattern)
        target = {"Id": "queue", "Arn": arns["partner"]}
        self._events.put_targets(Rule="all", EventBusName="partner", Targets=[target])

    def _received(self, queue: str) -> list[Any]:
        told = self._sqs.receive_message(QueueUrl=self._queues[queue], WaitTimeSeconds=1)
        return [json.loads(message["Body"]) for message in told.get("Messages", [])]


@contextmanager
def _heard() -> Iterator[tuple[str, list[Any]]]:
    """Listen on a free port; yields the address and the bodies of calls, signed as was agreed."""
    calls: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            calls.append(json.loads(body) if self.headers["x-key"] == "k" else "unsigned")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/events", calls
        finally:
            server.shutdown()
