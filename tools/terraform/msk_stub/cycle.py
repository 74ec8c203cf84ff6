"""Apply, grow, plan, upgrade, plan, destroy: the life of the MSK modules."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tools.terraform.msk_stub.server import Stub
from tools.terraform.workspace import ROOT, Module, workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG = Path(__file__).parent.relative_to(ROOT) / "config"
GROWTH_GIB = 50
UPGRADED = "-var=upgraded=true"


class CycleError(Exception):
    """The provider asked for more than the stub knows, or something was left at the end."""


class Life(NamedTuple):
    """What Terraform did: numbers of resources, and what plans that should be empty say.

    Args:
        applied: Resources created.
        second_plan: Changes planned after volumes grew by themselves.
        replaced: Of the stub's resources, by an upgrade of Kafka and of the connector's properties.
        upgraded_plan: Changes planned after the upgrade.
        destroyed: Resources that went.
    """

    applied: int
    second_plan: list[str]
    replaced: int
    upgraded_plan: list[str]
    destroyed: int


def run(localstack_url: str) -> Life:
    """Apply the MSK modules against the stub, upgrade them and destroy them again.

    Args:
        localstack_url: Where LocalStack answers, for all but the stubbed services.

    Raises:
        TerraformError: A command failed.
        CycleError: The provider made a call the stub does not know, or something was left.
    """
    with workspace() as folder, Stub() as stub:
        config = folder.parent / CONFIG
        shutil.copytree(ROOT / CONFIG, config)
        shutil.copy(folder / ".terraform.lock.hcl", config)
        module = Module(config, AWS_ENDPOINT_URL=localstack_url, TF_VAR_stub_url=stub.url)

        applied = module.apply()
        stub.grow_volumes(GROWTH_GIB)
        second_plan = module.changes(forgive=_forgotten)
        first = set(stub.left)
        module.apply(UPGRADED)
        replaced = first.difference(stub.left)
        upgraded_plan = module.changes(UPGRADED, forgive=_forgotten)
        destroyed = module.destroy(UPGRADED)
        if stub.unknown_calls or stub.left:
            raise CycleError(f"unknown calls: {stub.unknown_calls}; left: {stub.left}")
    return Life(applied, second_plan, len(replaced), upgraded_plan, destroyed)


def _forgotten(change: Mapping[str, Any]) -> bool:
    """Whether the difference is LocalStack's: it loses the description of a rule between groups.

    It keeps the description once the rule is changed, so this is seen after the first apply only.
    """
    if not change["type"].startswith("aws_vpc_security_group_"):
        return False
    before, after = change["change"]["before"] or {}, change["change"]["after"] or {}
    different = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    return different == {"description"} and not before["description"]
