"""The part of the Kafka API the provider uses for clusters and configurations."""

from __future__ import annotations

from tools.terraform.msk_stub.api import CREATED, Body, Request, conflict, missing, new_arn, refused


class Kafka:
    """Clusters and configurations, ready as soon as they are asked for."""

    def __init__(self) -> None:
        self.clusters: dict[str, Body] = {}
        self.configurations: dict[str, Body] = {}

    def answer(self, request: Request) -> Body | None:  # noqa: PLR0911 - one return for each call
        """The answer, or None for a call of another service."""
        match request.method, request.segments:
            case _, ["v1", "configurations", *rest]:
                return self._configuration(request.method, rest, request.body)
            case "POST", ["v1" | "api", *_, "clusters"]:
                return self._create(request.body)
            case "PUT", ["v1", "clusters", arn, what]:
                return self._update(arn, what, request.body)
            case "GET", ["v1", "operations", arn]:
                return {
                    "clusterOperationInfo": {
                        "clusterOperationArn": arn,
                        "operationState": "UPDATE_COMPLETE",
                    }
                }
            case "GET", [*_, "clusters", arn, "bootstrap-brokers"]:
                return {"bootstrapBrokerStringSaslIam": self._bootstrap(self._found(arn))}
            case "GET", ["v1", "clusters", arn]:
                return {"clusterInfo": self._info(arn)}
            case "GET", ["api", "v2", "clusters", arn]:
                return {"clusterInfo": self._info_v2(arn)}
            case "DELETE", [*_, "clusters", arn]:
                self._found(arn)
                del self.clusters[arn]
                return {"clusterArn": arn, "state": "DELETING"}
        return None

    def grow(self, gib: int) -> None:
        """What auto-scaling does: every volume grows, and nobody tells Terraform."""
        for cluster in self.clusters.values():
            storage = cluster.get("brokerNodeGroupInfo", {}).get("storageInfo")
            if storage:
                storage["ebsStorageInfo"]["volumeSize"] += gib

    def _found(self, arn: str) -> Body:
        if arn not in self.clusters:
            raise missing("The cluster does not exist.")
        return self.clusters[arn]

    def _create(self, body: Body) -> Body:
        name = body["clusterName"]
        if any(cluster["clusterName"] == name for cluster in self.clusters.values()):
            raise conflict("A cluster of this name already exists.")
        # The second version of the call has the same things one level down.
        cluster = {**body, **body.get("provisioned", {}), "version": 1}
        if "configurationInfo" in cluster:
            self._usable(cluster["configurationInfo"]["arn"], cluster["kafkaVersion"])
        arn = new_arn("kafka", "cluster", name)
        self.clusters[arn] = cluster
        return {"clusterArn": arn, "clusterName": name, "state": "CREATING"}

    def _usable(self, arn: str, kafka_version: str) -> None:
        if arn not in self.configurations:
            raise refused("Configuration ARN does not exist")
        if kafka_version not in self.configurations[arn]["kafkaVersions"]:
            raise refused(f"The configuration does not support Kafka {kafka_version}.")

    def _update(self, arn: str, what: str, body: Body) -> Body | None:
        cluster = self._found(arn)
        if body["currentVersion"] != f"K{cluster['version']}":
            raise refused("The cluster has changed since it was read.")
        match what:
            case "version":
                cluster["kafkaVersion"] = body["targetKafkaVersion"]
            case "configuration":
                pass
            case _:
                return None
        if "configurationInfo" in body:
            self._usable(body["configurationInfo"]["arn"], cluster["kafkaVersion"])
            cluster["configurationInfo"] = body["configurationInfo"]
        cluster["version"] += 1
        operation = arn.replace(":cluster/", ":cluster-operation/")
        return {"clusterArn": arn, "clusterOperationArn": f"{operation}/{cluster['version']}"}

    @staticmethod
    def _bootstrap(cluster: Body) -> str:
        brokers = range(1, cluster.get("numberOfBrokerNodes", 1) + 1)
        return ",".join(f"b-{number}.{cluster['clusterName']}.stub:9098" for number in brokers)

    def _info(self, arn: str) -> Body:
        cluster = self._found(arn)
        used = cluster["configurationInfo"]
        return {
            **cluster,
            "clusterArn": arn,
            "creationTime": CREATED,
            "currentVersion": f"K{cluster['version']}",
            "state": "ACTIVE",
            "storageMode": cluster.get("storageMode", "LOCAL"),
            "tags": cluster.get("tags") or {},
            "currentBrokerSoftwareInfo": {
                "kafkaVersion": cluster["kafkaVersion"],
                "configurationArn": used["arn"],
                "configurationRevision": used["revision"],
            },
        }

    def _info_v2(self, arn: str) -> Body:
        cluster = self._found(arn)
        common = {
            "clusterArn": arn,
            "clusterName": cluster["clusterName"],
            "creationTime": CREATED,
            "currentVersion": f"K{cluster['version']}",
            "state": "ACTIVE",
            "tags": cluster.get("tags") or {},
        }
        if "serverless" in cluster:
            return {**common, "clusterType": "SERVERLESS", "serverless": cluster["serverless"]}
        return {**common, "clusterType": "PROVISIONED", "provisioned": self._info(arn)}

    def _configuration(self, method: str, rest: list[str], body: Body) -> Body | None:
        if not rest:
            return self._create_configuration(body)
        arn = rest[0]
        if arn not in self.configurations:
            raise refused("Configuration ARN does not exist")
        kept = self.configurations[arn]
        match method, rest[1:]:
            case "GET", []:
                return {**kept["described"], "latestRevision": self._revision(kept)}
            case "GET", ["revisions", number]:
                properties = kept["revisions"][int(number) - 1]
                return {
                    "arn": arn,
                    "creationTime": CREATED,
                    "revision": int(number),
                    "serverProperties": properties,
                }
            case "PUT", []:
                kept["revisions"].append(body["serverProperties"])
                return {"arn": arn, "latestRevision": self._revision(kept)}
            case "DELETE", []:
                if any(
                    cluster.get("configurationInfo", {}).get("arn") == arn
                    for cluster in self.clusters.values()
                ):
                    raise refused("Configuration is in use by one or more clusters.")
                del self.configurations[arn]
                return {"arn": arn, "state": "DELETING"}
        return None

    def _create_configuration(self, body: Body) -> Body:
        name = body["name"]
        if any(kept["described"]["name"] == name for kept in self.configurations.values()):
            raise conflict("A configuration of this name already exists.")
        arn = new_arn("kafka", "configuration", name)
        described = {
            "arn": arn,
            "creationTime": CREATED,
            "description": body.get("description", ""),
            "kafkaVersions": body["kafkaVersions"],
            "name": name,
            "state": "ACTIVE",
        }
        kept = {
            "described": described,
            "kafkaVersions": body["kafkaVersions"],
            "revisions": [body["serverProperties"]],
        }
        self.configurations[arn] = kept
        return {**described, "latestRevision": self._revision(kept)}

    @staticmethod
    def _revision(kept: Body) -> Body:
        return {"creationTime": CREATED, "revision": len(kept["revisions"])}
