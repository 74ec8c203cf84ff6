"""Stages with an emulator: the platform without MSK on LocalStack, MSK against a stub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.terraform.msk_stub import run
from tools.stack import LocalStack
from tools.terraform import policies
from tools.terraform.alerts import unheard
from tools.terraform.flow import deliver
from tools.terraform.provider import plugin_folder
from tools.terraform.workspace import Module, workspace

if TYPE_CHECKING:
    from tools.terraform.report import Stage

VARIABLES = "-var-file=environments/local.tfvars"


def localstack(stage: Stage) -> None:
    """Apply, plan again (empty), an event through every rule into every target, destroy."""
    with LocalStack() as aws, workspace() as folder:
        root = Module(folder, **aws.environ())
        with stage.timed("applied"):
            applied = root.apply(VARIABLES)
        try:
            with stage.timed("planned again"):
                changes = root.changes(VARIABLES)
            for change in changes:
                stage.fault(f"the second plan is not empty: {change}")
            resources = root.resources()
            for fault in policies.faults(resources):
                stage.fault(fault)
            stage.say(f"{policies.count(resources)} policies checked as applied")
            with stage.timed("events delivered"):
                deliveries = deliver(aws.endpoint_url, root.outputs())
            for delivery in deliveries:
                if delivery.fault:
                    stage.fault(f"{delivery.rule} -> {delivery.target}: {delivery.fault}")
            with stage.timed("alarms rung"):
                for fault in unheard(aws.endpoint_url, root.outputs()):
                    stage.fault(fault)
        finally:
            with stage.timed("destroyed"):
                destroyed = root.destroy(VARIABLES)
    if destroyed != applied:
        stage.fault(f"{applied - destroyed} resources are left after destroy")
    seen = f"{sum(not d.fault for d in deliveries)}/{len(deliveries)}"
    stage.figures |= {
        "localstack.applied": applied,
        "localstack.second_plan_changes": len(changes),
        "localstack.destroyed": destroyed,
        "events_delivered": seen,
    }
    stage.summary = (
        f"{applied} applied, {len(changes)} changes in the second plan, "
        f"{seen} rule -> target pairs delivered, {destroyed} destroyed"
    )


def msk_stub(stage: Stage) -> None:
    """Apply the MSK modules against a stub, plan again (empty), upgrade, plan, destroy."""
    with LocalStack() as aws:
        found = run(aws.endpoint_url, plugin_folder())
    for name in ("second_plan_changes", "upgraded_plan_changes"):
        if found[name]:
            stage.fault(f"{found[name]} {name.replace('_', ' ')}, 0 are right")
    if not found["applied"]:
        stage.fault("nothing was applied")
    stage.figures |= {f"msk_stub.{name}": value for name, value in found.items()}
    stage.summary = (
        f"{found['applied']} applied against the stub, {found['second_plan_changes']} changes in "
        f"the second plan, {found['replaced']} replaced by an upgrade, "
        f"{found['destroyed']} destroyed"
    )
