"""The whole platform as applied: its variables, which change from step to step, and its state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from tools.terraform.workspace import Module

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tools.terraform.account import Account

VARIABLES = "proof.tfvars.json"
ARGUMENTS = ("-var-file=environments/local.tfvars", f"-var-file={VARIABLES}")
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
    """

    def __init__(self, folder: Path, account: Account, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._variables = variables(account)
        self._module = Module(folder, **environ)
        self._write()

    def apply(self) -> int:
        """Apply for the first time; the answer is how many resources there are."""
        return self._module.apply(*ARGUMENTS)

    def change(self, **variables: Any) -> list[str]:  # noqa: ANN401 - a variable has any type
        """Set variables, apply; the answer has each resource that was replaced.

        A variable that is an object keeps what ``variables`` does not name.
        """
        self._variables = merged(self._variables, variables)
        self._write()
        return self._module.replaced(*ARGUMENTS, UNREFRESHED)

    def add_topic(self, name: str) -> list[str]:
        """Add a topic to the catalogue, apply; the answer has each resource that was replaced."""
        file = self._folder.parent / "schemas" / "catalog.yaml"
        catalog = yaml.safe_load(file.read_text(encoding="utf-8"))
        catalog["topics"][name] = {"description": name, "partitions": 3, "retention_days": 7}
        file.write_text(yaml.safe_dump(catalog), encoding="utf-8")
        return self.change()

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

    def created_before_destroyed(self) -> list[str]:
        """Resources whose successor comes first, though both have one name.

        Terraform hands ``create_before_destroy`` on to all that such a resource depends on.
        """
        state = json.loads((self._folder / "terraform.tfstate").read_text(encoding="utf-8"))
        return sorted(set(_first_comes_the_successor(state)))

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
    """Whether the difference is LocalStack's: it loses the description of a rule between groups.

    It keeps the description once the rule is changed, so this is seen after the first apply only.
    """
    if not change["type"].startswith("aws_vpc_security_group_"):
        return False
    before, after = change["change"]["before"] or {}, change["change"]["after"] or {}
    different = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    return different == {"description"} and not before["description"]
