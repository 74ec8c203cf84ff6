"""What became of a workflow's runs, and whether one that cannot run says so."""

from __future__ import annotations

import json
import time
from typing import Any

from tools.stack.localstack import client

END_WAIT_S = 60.0
PAUSE_S = 0.2
STEPS = 2


class Runs:
    """The runs of the platform's workflows.

    Args:
        endpoint_url: Where every service answers.
        region: The platform's.
        workflows: Workflow to its state machine and its bucket, as the root's outputs have them.
        mark: What tells these runs from others; the id of the workflow that is run.
    """

    def __init__(
        self, endpoint_url: str, region: str, workflows: dict[str, Any], mark: str
    ) -> None:
        self._states, self._s3 = (
            client(name, endpoint_url, region_name=region) for name in ("stepfunctions", "s3")
        )
        self._workflows = workflows
        self._mark = mark

    def store_definition(self, workflow: str) -> None:
        """Store a workflow of some steps, to be run."""
        steps = [{"plugin_id": f"p-{n}", "parameters": {"n": str(n)}} for n in range(STEPS)]
        for each in self._workflows.values():
            self._store(each["bucket"], workflow, {"steps": steps})

    @staticmethod
    def steps(event_id: str) -> set[str]:
        """Return the ids of the events that a run publishes which this one began."""
        return {f"{event_id}-step-{n}" for n in range(STEPS)}

    def fault(self, name: str, event_id: str) -> str:
        """Return what is wrong with the run that an event began."""
        workflow = self._workflows[name]
        status = self._status(workflow["arn"], event_id)
        if status != "SUCCEEDED":
            return f"its run is {status}"
        record = self._record(workflow["bucket"], self._mark)
        if (record["status"], record["steps"]) != ("COMPLETED", STEPS):
            return f"its record says {record}"
        return ""

    def refusal_fault(self, name: str) -> str:
        """Return what is wrong with runs that must fail, and say so."""
        refused: dict[str, dict[str, Any] | None] = {
            "does not exist": None,
            "has no steps": {},
            "has a step without plugin": {"steps": [{"parameters": {}}]},
        }
        faults = (self._failure_fault(name, *case) for case in refused.items())
        return next(filter(None, faults), "")

    def _store(self, bucket: str, workflow: str, definition: dict[str, Any]) -> None:
        self._s3.put_object(
            Bucket=bucket,
            Key=f"definitions/{workflow}.json",
            Body=json.dumps(definition).encode(),
        )

    def _failure_fault(self, name: str, what: str, definition: dict[str, Any] | None) -> str:
        """A run of a workflow that cannot be run must fail and say so."""
        workflow = self._workflows[name]
        event_id = f"{self._mark}-{what.replace(' ', '-')}"
        if definition is not None:
            self._store(workflow["bucket"], event_id, definition)
        trigger = {
            "detail": {"metadata": {"event_id": event_id}, "workflow_id": event_id},
        }
        run = self._states.start_execution(
            stateMachineArn=workflow["arn"], input=json.dumps(trigger)
        )
        deadline = time.monotonic() + END_WAIT_S
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
