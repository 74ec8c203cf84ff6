"""The whole platform as applied: its variables, which change from step to step, and its state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from tools.terraform.account import REGION
from tools.terraform.workspace import Module, TerraformError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tools.terraform.account import Account

VARIABLES = "proof.tfvars.json"
ARGUMENTS = ("-var-file=environments/local.tfvars", f"-var-file={VARIABLES}")
# Names that only one region can have.
GLOBAL = {"aws_iam_policy": "name", "aws_iam_role": "name", "aws_s3_bucket": "bucket"}
# Nobody but this process changes anything: what the state says is so.
UNREFRESHED = "-refresh=false"
# Exist beside their successors on purpose: alarms until no composite alarm names them, the others
# until nothing uses them, under names that tell the two apart.
BESIDE_SUCCESSOR = frozenset(
    {
        "aws_cloudwatch_composite_alarm",
        "aws_cloudwatch_metric_alarm",
        "aws_msk_configuration",
        "aws_mskconnect_custom_plugin",
        "aws_mskconnect_worker_configuration",
    }
)


class Platform:
    """The root module in a folder of its own.

    Args:
        folder: A copy of ``terraform/``, with ``schemas/`` beside it.
        account: What was there before.
        environ: Where AWS's services answer.
        more: Variables besides those of ``account``.
    """

    def __init__(
        self,
        folder: Path,
        account: Account,
        environ: Mapping[str, str],
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self._folder = folder
        self._variables = variables(account) | dict(more or {})
        self._module = Module(folder, **environ)
        self._write()

    def apply(self) -> int:
        """Apply for the first time; the answer is how many resources there are."""
        return self._module.apply(*ARGUMENTS)

    def protect(self) -> None:
        """Turn deletion protection on for cluster, key and archive; queues wait long for theirs."""
        self._set(deletion_protection=True, force_destroy=False)
        targets = [f"-target=module.{name}" for name in ("key", "msk", "msk_connect")]
        self._module.apply(*ARGUMENTS, UNREFRESHED, *targets)

    def change(self, **variables: Any) -> list[str]:  # noqa: ANN401 - a variable has any type
        """Set variables, apply; the answer has each resource that was replaced.

        A variable that is an object keeps what ``variables`` does not name.
        """
        self._set(**variables)
        return self._module.replaced(*ARGUMENTS, UNREFRESHED)

    def refusal(self, **variables: Any) -> str:  # noqa: ANN401 - a variable has any type
        """What a plan with these variables is refused with; empty when it is not."""
        before = self._variables
        self._variables = merged(before, variables)
        self._write()
        try:
            self._module.run("plan", *ARGUMENTS, UNREFRESHED)
        except TerraformError as error:
            return str(error)
        finally:
            self._variables = before
            self._write()
        return ""

    def give_up_protection(self) -> None:
        """Turn it off, which the next change applies, and let filled buckets go."""
        listed = self._module.run("state", "list").split()
        guards = [name for name in listed if ".terraform_data.deletion_protection" in name]
        self._module.run("state", "rm", *guards)
        self._set(deletion_protection=False, force_destroy=True)

    def add_topic(self, name: str) -> list[str]:
        """Add a topic to the catalogue, apply; the answer has each resource that was replaced."""
        self.add("topics", name, {"description": name, "partitions": 3, "retention_days": 7})
        return self.change()

    def add(self, table: str, name: str, entry: Mapping[str, Any]) -> None:
        """Add an entry to the catalogue, for what is planned and applied from now on."""
        file = self._folder.parent / "schemas" / "catalog.yaml"
        catalog = yaml.safe_load(file.read_text(encoding="utf-8"))
        catalog.setdefault(table, {})[name] = dict(entry)
        file.write_text(yaml.safe_dump(catalog), encoding="utf-8")

    def changes(self, *modules: str) -> list[str]:
        """What a plan would change, of all or these modules, without what LocalStack forgets."""
        targets = [f"-target=module.{name}" for name in modules]
        return self._module.changes(*ARGUMENTS, *targets, forgive=_forgotten)

    def destroy(self) -> int:
        """Destroy; the answer is how many resources went."""
        return self._module.destroy(*ARGUMENTS, UNREFRESHED)

    def resources(self) -> list[Mapping[str, Any]]:
        """What the state holds, data sources left out."""
        return self._module.resources()

    def outputs(self) -> dict[str, Any]:
        """The root's outputs."""
        return self._module.outputs()

    def without_region(self) -> list[str]:
        """Resources of the whole account, or of all of AWS, that another region's would meet."""
        return [
            resource["address"]
            for resource in self.resources()
            if (name := GLOBAL.get(resource["type"])) and REGION not in resource["values"][name]
        ]

    def created_before_destroyed(self) -> list[str]:
        """Resources whose successor comes first, though both have one name.

        Terraform hands ``create_before_destroy`` on to all that such a resource depends on.
        """
        state = json.loads((self._folder / "terraform.tfstate").read_text(encoding="utf-8"))
        return sorted(set(_first_comes_the_successor(state)))

    def _set(self, **variables: Any) -> None:  # noqa: ANN401 - a variable has any type
        self._variables = merged(self._variables, variables)
        self._write()

    def _write(self) -> None:
        text = json.dumps(self._variables)
        (self._folder / VARIABLES).write_text(text, encoding="utf-8")


def variables(account: Account) -> dict[str, Any]:
    """The variables of the first apply: everything the platform has."""
    return {
        "enable_msk": True,
        "vpc_id": account.vpc,
        "subnet_ids": account.subnets,
        "function_arns": {"email-processor": account.function},
        "function_failures": ["email-processor"],
        "function_sources": {
            "plugins": {
                "function_arn": account.function,
                "queue": "plugin-execution",
                "filters": [{"body": {"source": ["pat.plugins"]}}],
                "enabled": False,  # LocalStack would take messages and has nothing to run
            },
            "notifier": {
                "function_arn": account.function,
                "topic": "pat-emails",
                "group": "notifier",
            },
        },
        "claim_check": {},
        # Nothing is published for the function, which cannot run here.
        "alert_subscribers": {
            "critical-alerts": ["oncall@example.com"],
            "user-notifications": [account.function],
        },
        "msk": {
            "kafka_version": "3.9.x.kraft",
            "brokers": {"max_volume_gib": 500},
            "client_security_groups": {"services": account.services},
            "scraper_security_groups": {"prometheus": account.services},
        },
        "msk_connect": {
            "plugin": {
                "bucket_arn": "arn:aws:s3:::pat-plugins",
                "key": "sink.zip",
                "object_version": account.plugins[0],
            },
        },
    }


def merged(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """``before`` with what ``after`` names, objects part by part."""
    both = {
        key: merged(before[key], value)
        if isinstance(value, dict) and isinstance(before.get(key), dict)
        else value
        for key, value in after.items()
    }
    return {**before, **both}


def _first_comes_the_successor(state: Mapping[str, Any]) -> Iterator[str]:
    for resource in state["resources"]:
        if resource["type"] not in BESIDE_SUCCESSOR and any(
            instance.get("create_before_destroy") for instance in resource["instances"]
        ):
            module = f"{resource['module']}." if "module" in resource else ""
            yield f"{module}{resource['type']}.{resource['name']}"


def _forgotten(change: Mapping[str, Any]) -> bool:
    """Whether the difference is LocalStack's, in a rule between two security groups.

    It loses the description, until the rule is changed, and takes no other group than the first.
    """
    if not change["type"].startswith("aws_vpc_security_group_"):
        return False
    before, after = change["change"]["before"] or {}, change["change"]["after"] or {}
    different = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    return (different == {"description"} and not before["description"]) or (
        different == {"referenced_security_group_id"} and change["change"]["actions"] == ["update"]
    )
