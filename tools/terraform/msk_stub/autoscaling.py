"""The part of the application auto-scaling API the provider uses: targets and their policies."""

from __future__ import annotations

from http import HTTPStatus

from tools.terraform.msk_stub.api import ACCOUNT, REGION, Body, RefusedError, Request

SERVICE = "AnyScaleFrontendService"


class AutoScaling:
    """Scalable targets by resource, policies by resource and name."""

    def __init__(self) -> None:
        self.targets: dict[str, Body] = {}
        self.policies: dict[tuple[str, str], Body] = {}

    def answer(self, request: Request) -> Body | None:  # noqa: PLR0911 - one return for each action
        """The answer, or None for a call of another service."""
        body = request.body
        match request.action.removeprefix(f"{SERVICE}."):
            case "RegisterScalableTarget":
                return self._register(body)
            case "DescribeScalableTargets":
                found = [
                    self.targets[name]
                    for name in body.get("ResourceIds", self.targets)
                    if name in self.targets
                ]
                return {"ScalableTargets": found}
            case "DeregisterScalableTarget":
                if self.targets.pop(body["ResourceId"], None) is None:
                    raise _not_found(body["ResourceId"])
                return {}
            case "PutScalingPolicy":
                return self._put(body)
            case "DescribeScalingPolicies":
                asked = body.get("PolicyNames")
                found = [
                    policy
                    for (resource, name), policy in self.policies.items()
                    if resource == body.get("ResourceId", resource) and (not asked or name in asked)
                ]
                return {"ScalingPolicies": found}
            case "DeleteScalingPolicy":
                if self.policies.pop((body["ResourceId"], body["PolicyName"]), None) is None:
                    raise _not_found(body["PolicyName"])
                return {}
            case "ListTagsForResource":
                return {"Tags": {}}
        return None

    def _register(self, body: Body) -> Body:
        arn = _arn("application-autoscaling", f"scalable-target/{len(self.targets) + 1}")
        role = f"arn:aws:iam::{ACCOUNT}:role/AWSServiceRoleForApplicationAutoScaling_KafkaCluster"
        kept = {
            "CreationTime": 1.0,
            "SuspendedState": {},
            "RoleARN": role,
            "ScalableTargetARN": arn,
        }
        self.targets[body["ResourceId"]] = {**kept, **body}
        return {"ScalableTargetARN": arn}

    def _put(self, body: Body) -> Body:
        resource, name = body["ResourceId"], body["PolicyName"]
        if resource not in self.targets:
            raise _not_found(resource)
        arn = _arn("autoscaling", f"scalingPolicy:1:resource/kafka/{resource}:policyName/{name}")
        self.policies[resource, name] = {
            **body,
            "PolicyARN": arn,
            "Alarms": [],
            "CreationTime": 1.0,
        }
        return {"PolicyARN": arn, "Alarms": []}


def _not_found(name: str) -> RefusedError:
    message = f"Nothing is registered for {name}."
    return RefusedError(HTTPStatus.BAD_REQUEST, "ObjectNotFoundException", message)


def _arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"
