"""The part of the Lambda API the provider uses for event source mappings of MSK."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING

from tools.terraform.msk_stub.api import ACCOUNT, REGION, Body, RefusedError, Request

if TYPE_CHECKING:
    from collections.abc import Container

MAPPINGS = ["2015-03-31", "event-source-mappings"]
# What Lambda looks at in provisioned mode only.
PROVISIONED_ONLY = (
    "BisectBatchOnFunctionError",
    "FunctionResponseTypes",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
)


class Mappings:
    """Mappings whose source is a cluster; those of other sources are LocalStack's.

    Args:
        clusters: ARNs of the clusters there are.
    """

    def __init__(self, clusters: Container[str]) -> None:
        self.kept: dict[str, Body] = {}
        self._clusters = clusters

    def answer(self, request: Request) -> Body | None:
        """The answer, or None for a call that is not for a mapping of MSK."""
        match request.method, request.segments:
            case "POST", [*path] if path == MAPPINGS:
                if ":kafka:" in request.body["EventSourceArn"]:
                    return self._create(request.body)
            case method, [*path, name] if path == MAPPINGS and name in self.kept:
                return self._one(method, name, request.body)
            case "GET", ["2017-03-31", "tags", arn] if arn.rpartition(":")[2] in self.kept:
                return {"Tags": self.kept[arn.rpartition(":")[2]].get("Tags") or {}}
        return None

    def _create(self, body: Body) -> Body:
        self._acceptable(body)
        name = str(uuid.uuid4())
        prefix = f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping"
        self.kept[name] = {
            **body,
            "UUID": name,
            "EventSourceMappingArn": f"{prefix}:{name}",
            "FunctionArn": body["FunctionName"],
        }
        return self._described(name)

    def _one(self, method: str, name: str, body: Body) -> Body:
        described = self._described(name)
        if method == "DELETE":
            del self.kept[name]
            return {**described, "State": "Deleting"}
        if method == "PUT":
            self.kept[name] |= body
        return self._described(name)

    def _described(self, name: str) -> Body:
        kept = self.kept[name]
        return {**kept, "State": "Enabled" if kept.get("Enabled", True) else "Disabled"}

    def _acceptable(self, body: Body) -> None:
        if body["EventSourceArn"] not in self._clusters:
            raise _refused("The cluster does not exist.")
        if len(body.get("Topics", ())) != 1 or "StartingPosition" not in body:
            raise _refused("A mapping of Kafka has one topic and a starting position.")
        given = [name for name in PROVISIONED_ONLY if body.get(name)]
        if given and "ProvisionedPollerConfig" not in body:
            raise _refused(f"{', '.join(given)} needs provisioned mode.")
        group = body["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"]
        if any(
            kept["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"] == group
            for kept in self.kept.values()
        ):
            raise _refused(f"The consumer group {group} is another mapping's.")


def _refused(message: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, "InvalidParameterValueException", message)
