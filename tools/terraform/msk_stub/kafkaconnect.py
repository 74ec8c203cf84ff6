"""The part of the MSK Connect API the provider uses: plugins, worker configurations, connectors."""

from __future__ import annotations

from collections import ChainMap

from tools.terraform.msk_stub.api import CREATED, Body, Request, conflict, missing, new_arn, refused

# Collection in the path -> prefix of its fields, state once made.
KINDS = {
    "custom-plugins": ("customPlugin", "ACTIVE"),
    "worker-configurations": ("workerConfiguration", "ACTIVE"),
    "connectors": ("connector", "RUNNING"),
}


class KafkaConnect:
    """Plugins, worker configurations and connectors, ready as soon as they are asked for."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Body]] = {kind: {} for kind in KINDS}

    @property
    def kept(self) -> ChainMap[str, Body]:
        """Everything by ARN."""
        return ChainMap(*self._kept.values())

    def answer(self, request: Request) -> Body | None:
        """The answer, or None for a call of another service."""
        match request.method, request.segments:
            case "POST", ["v1", kind] if kind in KINDS:
                return self._create(kind, request.body)
            case "GET", ["v1", kind, arn] if kind in KINDS:
                return self._described(kind, arn)
            case "DELETE", ["v1", kind, arn] if kind in KINDS:
                return self._delete(kind, arn)
            case "GET", ["v1", "tags", arn] if arn in self.kept:
                return {"tags": self.kept[arn].get("tags") or {}}
        return None

    def _found(self, kind: str, arn: str) -> Body:
        if arn not in self._kept[kind]:
            raise missing("The resource does not exist.")
        return self._kept[kind][arn]

    def _create(self, kind: str, body: Body) -> Body:
        prefix, state = KINDS[kind]
        name = body["connectorName" if kind == "connectors" else "name"]
        if any(kept["name"] == name for kept in self._kept[kind].values()):
            raise conflict("This name is already in use.")
        arn = new_arn("kafkaconnect", kind.removesuffix("s"), name)
        self._kept[kind][arn] = {**body, "name": name}
        return {f"{prefix}Arn": arn, f"{prefix}State": state, "name": name, **self._revision()}

    def _described(self, kind: str, arn: str) -> Body:
        prefix, state = KINDS[kind]
        kept = self._found(kind, arn)
        common = {
            f"{prefix}Arn": arn,
            f"{prefix}State": state,
            "name": kept["name"],
            "creationTime": CREATED,
        }
        if kind == "connectors":
            return {**kept, **common, "currentVersion": "1"}
        revision = {
            key: kept[key]
            for key in ("contentType", "location", "propertiesFileContent")
            if key in kept
        }
        return {**common, "latestRevision": {**self._revision()["latestRevision"], **revision}}

    def _delete(self, kind: str, arn: str) -> Body:
        self._found(kind, arn)
        if kind != "connectors" and any(
            arn in str(connector) for connector in self._kept["connectors"].values()
        ):
            raise refused("A connector uses this resource.")
        del self._kept[kind][arn]
        prefix, _ = KINDS[kind]
        return {f"{prefix}Arn": arn, f"{prefix}State": "DELETING"}

    @staticmethod
    def _revision() -> Body:
        return {"latestRevision": {"creationTime": CREATED, "revision": 1}}
