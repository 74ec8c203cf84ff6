"""Sends an event through every rule and watches it arrive at every queue and workflow."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from tools.stack.localstack import client

ARRIVAL_WAIT_S = 60.0
PAUSE_S = 0.5
STEPS = 2


@dataclass
class Delivery:
    """One pair of rule and target; without fault the event was seen there."""

    rule: str
    target: str
    kind: str
    message_group: str | None
    fault: str = "no event arrived"


def deliver(endpoint_url: str, outputs: dict[str, Any]) -> list[Delivery]:
    """Publish one event per rule; the answer says of each target whether it came.

    Args:
        endpoint_url: Where every service answers.
        outputs: What ``terraform output`` says of the applied platform.
    """
    return _Flow(endpoint_url, outputs).run()


class _Flow:
    def __init__(self, endpoint_url: str, outputs: dict[str, Any]) -> None:
        self._outputs = outputs
        region = outputs["event_bus"]["arn"].split(":")[3]
        self._events, self._sqs, self._states, self._s3 = (
            client(name, endpoint_url, region_name=region)
            for name in ("events", "sqs", "stepfunctions", "s3")
        )
        self._mark = uuid.uuid4().hex
        self._received: dict[str, list[dict[str, Any]]] = {q: [] for q in outputs["queues"]}

    def run(self) -> list[Delivery]:
        self._store_definitions()
        for rule, pattern in self._outputs["rules"].items():
            self._publish(pattern, event_id=f"{self._mark}-{rule}", workflow=self._mark)
        deliveries = [
            Delivery(target["rule"], target["name"], target["kind"], target["message_group"])
            for target in self._outputs["targets"]
            if target["kind"] != "function"  # LocalStack does not run them without Docker
        ]
        deadline = time.monotonic() + ARRIVAL_WAIT_S
        while time.monotonic() < deadline and any(d.fault for d in deliveries):
            self._receive()
            for delivery in deliveries:
                if delivery.fault:
                    delivery.fault = self._fault_of(delivery)
            time.sleep(PAUSE_S)
        self._refuse_strangers(deliveries)
        return deliveries

    def _publish(self, pattern: dict[str, list[str]], *, event_id: str, workflow: str) -> None:
        detail = {
            "metadata": {"event_id": event_id, "correlation_id": self._mark, "tenant_id": "t-1"},
            "workflow_id": workflow,
        }
        entry = {
            "EventBusName": self._outputs["event_bus"]["name"],
            "Source": pattern["source"][0],
            "DetailType": pattern["detail-type"][0],
            "Detail": json.dumps(detail),
        }
        answer = self._events.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise RuntimeError(f"{entry['DetailType']} was refused: {answer['Entries']}")

    def _store_definitions(self) -> None:
        steps = [{"plugin_id": f"p-{n}", "parameters": {"n": str(n)}} for n in range(STEPS)]
        for workflow in self._outputs["workflows"].values():
            self._store_definition(workflow["bucket"], self._mark, {"steps": steps})

    def _store_definition(self, bucket: str, workflow: str, definition: dict[str, Any]) -> None:
        self._s3.put_object(
            Bucket=bucket,
            Key=f"definitions/{workflow}.json",
            Body=json.dumps(definition).encode(),
        )

    def _receive(self) -> None:
        for name, queue in self._outputs["queues"].items():
            answer = self._sqs.receive_message(
                QueueUrl=queue["url"],
                MaxNumberOfMessages=10,
                WaitTimeSeconds=0,
                MessageSystemAttributeNames=["MessageGroupId"],
            )
            for message in answer.get("Messages", []):
                self._received[name].append(message)
                self._sqs.delete_message(
                    QueueUrl=queue["url"], ReceiptHandle=message["ReceiptHandle"]
                )

    def _fault_of(self, delivery: Delivery) -> str:
        event_id = f"{self._mark}-{delivery.rule}"
        if delivery.kind == "workflow":
            return self._workflow_fault(delivery.target, event_id)
        for message in self._received[delivery.target]:
            if json.loads(message["Body"])["detail"]["metadata"]["event_id"] == event_id:
                group = message.get("Attributes", {}).get("MessageGroupId")
                if delivery.kind == "fifo_queue" and group != delivery.message_group:
                    return f"its message group is {group}"
                return ""
        return "no event arrived"

    def _workflow_fault(self, name: str, event_id: str) -> str:
        workflow = self._outputs["workflows"][name]
        status = self._status(workflow["arn"], event_id)
        if status != "SUCCEEDED":
            return f"its run is {status}"
        record = self._record(workflow["bucket"], self._mark)
        if (record["status"], record["steps"]) != ("COMPLETED", STEPS):
            return f"its record says {record}"
        wanted = {f"{event_id}-step-{n}" for n in range(STEPS)}
        bodies = [json.loads(m["Body"]) for messages in self._received.values() for m in messages]
        steps = [b["detail"]["metadata"] for b in bodies]
        if not wanted <= {step["event_id"] for step in steps}:
            return "not all of its steps' events arrived"
        if any(step["correlation_id"] != self._mark for step in steps):
            return "its steps do not carry the correlation on"
        refused: dict[str, dict[str, Any] | None] = {
            "does not exist": None,
            "has no steps": {},
            "has a step without plugin": {"steps": [{"parameters": {}}]},
        }
        faults = (self._refusal_fault(name, *case) for case in refused.items())
        return next(filter(None, faults), "")

    def _refusal_fault(self, name: str, what: str, definition: dict[str, Any] | None) -> str:
        """A run of a workflow that cannot be run must fail and say so."""
        workflow = self._outputs["workflows"][name]
        event_id = f"{self._mark}-{what.replace(' ', '-')}"
        if definition is not None:
            self._store_definition(workflow["bucket"], event_id, definition)
        trigger = {
            "detail": {"metadata": {"event_id": event_id}, "workflow_id": event_id},
        }
        run = self._states.start_execution(
            stateMachineArn=workflow["arn"], input=json.dumps(trigger)
        )
        deadline = time.monotonic() + ARRIVAL_WAIT_S
        while time.monotonic() < deadline:
            told = self._states.describe_execution(executionArn=run["executionArn"])
            if told["status"] != "RUNNING":
                break
            time.sleep(PAUSE_S)
        record = self._record(workflow["bucket"], event_id)
        if told["status"] != "FAILED" or record["status"] != "FAILED":
            return f"a workflow that {what} ended {told['status']}, record {record}"
        return ""

    def _status(self, machine: str, event_id: str) -> str:
        runs = self._states.list_executions(stateMachineArn=machine)["executions"]
        for run in runs:
            told = self._states.describe_execution(executionArn=run["executionArn"])
            trigger = json.loads(told["input"])["detail"]
            if trigger["metadata"]["event_id"] == event_id:
                cause = f": {told['error']} {told.get('cause')}" if told.get("error") else ""
                return f"{told['status']}{cause}"
        return "not started"

    def _record(self, bucket: str, workflow: str) -> dict[str, Any]:
        listed = self._s3.list_objects_v2(Bucket=bucket, Prefix=f"runs/{workflow}/")
        (entry,) = listed.get("Contents", [{}])
        if not entry:
            return {"status": "missing", "steps": 0}
        body = self._s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        record: dict[str, Any] = json.loads(body)
        return record

    def _refuse_strangers(self, deliveries: list[Delivery]) -> None:
        """No queue has an event of a rule it is no target of."""
        for name, messages in self._received.items():
            wanted = {
                (pattern["source"][0], pattern["detail-type"][0])
                for rule, pattern in self._outputs["rules"].items()
                if any(d.rule == rule and d.target == name for d in deliveries)
            }
            bodies = [json.loads(message["Body"]) for message in messages]
            strangers = {(b["source"], b["detail-type"]) for b in bodies} - wanted
            for delivery in deliveries:
                if strangers and delivery.target == name:
                    delivery.fault = f"the queue also got {sorted(strangers)}"
