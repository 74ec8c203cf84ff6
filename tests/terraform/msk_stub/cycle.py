"""Apply, grow, plan, upgrade, plan, destroy: the life of the MSK modules."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

from tests.terraform.msk_stub.server import Stub
from tools.terraform.workspace import ROOT, Module, workspace

CONFIG = Path(__file__).parent.relative_to(ROOT) / "config"
GROWTH_GIB = 50
UPGRADED = "-var=upgraded=true"

_log = logging.getLogger(__name__)


class CycleError(AssertionError):
    """The provider asked for more than the stub knows, or something was left at the end."""


def run(localstack_url: str, plugin_dir: Path | None) -> dict[str, int]:
    """Apply the MSK modules against the stub, upgrade them and destroy them again.

    Args:
        localstack_url: where LocalStack answers, for all but the stubbed services.
        plugin_dir: a mirror of Terraform providers; None looks where they usually are.

    Returns:
        Numbers of resources: ``applied``; ``second_plan_changes``, planned after volumes grew by
        themselves; ``replaced`` of the stub's by an upgrade of Kafka and of the connector's
        properties; ``upgraded_plan_changes``, planned after that; ``destroyed``.

    Raises:
        TerraformError: a command failed.
        CycleError: the provider made a call the stub does not know, or something was left.
    """
    with workspace() as folder, Stub() as stub:
        config = folder.parent / CONFIG
        shutil.copytree(ROOT / CONFIG, config)
        shutil.copy(folder / ".terraform.lock.hcl", config)
        variables = {"AWS_ENDPOINT_URL": localstack_url, "TF_VAR_stub_url": stub.url}
        if plugin_dir:
            variables["TF_CLI_ARGS_init"] = f"-plugin-dir={plugin_dir}"
        module = Module(config, **variables)

        applied = module.apply()
        stub.grow_volumes(GROWTH_GIB)
        second_plan = _planned(module)
        first = set(stub.left)
        module.apply(UPGRADED)
        replaced = first.difference(stub.left)
        upgraded_plan = _planned(module, UPGRADED)
        destroyed = module.destroy(UPGRADED)
        if stub.unknown_calls or stub.left:
            raise CycleError(f"unknown calls: {stub.unknown_calls}; left: {stub.left}")
    return {
        "applied": applied,
        "second_plan_changes": len(second_plan),
        "replaced": len(replaced),
        "upgraded_plan_changes": len(upgraded_plan),
        "destroyed": destroyed,
    }


def _planned(module: Module, *arguments: str) -> list[str]:
    """Addresses of what a plan would change, but for what LocalStack has forgotten."""
    module.run("plan", "-out=next.tfplan", *arguments)
    plan = json.loads(module.run("show", "-json", "next.tfplan"))
    changes = [one for one in plan["resource_changes"] if one["change"]["actions"] != ["no-op"]]
    planned = [one["address"] for one in changes if not _forgotten(one)]
    _log.info(
        "of %d planned changes %d are not LocalStack's: %s", len(changes), len(planned), planned
    )
    return planned


def _forgotten(resource: dict[str, Any]) -> bool:
    """Whether the difference is LocalStack's: it loses the description of a rule between groups.

    It keeps the description once the rule is changed, so this is seen after the first apply only.
    """
    if not resource["type"].startswith("aws_vpc_security_group_"):
        return False
    before, after = resource["change"]["before"] or {}, resource["change"]["after"] or {}
    different = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    return different == {"description"} and not before["description"]
