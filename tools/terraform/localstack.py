"""Stages with an emulator: the platform without MSK on LocalStack, MSK against a stub."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from tools.stack import LocalStack
from tools.stack.localstack import client
from tools.terraform import policies
from tools.terraform.alarms import unheard
from tools.terraform.flow import deliver
from tools.terraform.msk_stub import run
from tools.terraform.workspace import Module, workspace

if TYPE_CHECKING:
    from tools.terraform.report import Stage

VARIABLES = "-var-file=environments/local.tfvars"
REGION = "eu-west-1"  # the one of that file
FUNCTION, ALIAS = "email-processor", "live"


def localstack(stage: Stage) -> None:
    """Apply, plan again (empty), an event through every rule into every target, destroy."""
    with LocalStack() as aws, workspace() as folder:
        root = Module(folder, **aws.environ())
        variables = (
            VARIABLES,
            f'-var=function_arns={{{FUNCTION}="{_function(aws.endpoint_url)}"}}',
        )
        with stage.timed("applied"):
            applied = root.apply(*variables)
        try:
            with stage.timed("planned again"):
                changes = root.changes(*variables)
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
                destroyed = root.destroy(*variables)
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


def _function(endpoint_url: str) -> str:
    """Create a function the catalogue names; the answer is its alias. It cannot run here."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("handler.py", "")
    functions = client("lambda", endpoint_url, region_name=REGION)
    created = functions.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.12",
        Handler="handler.run",
        Role="arn:aws:iam::000000000000:role/function",
        Code={"ZipFile": code.getvalue()},
        Publish=True,
    )
    alias = functions.create_alias(
        FunctionName=FUNCTION, Name=ALIAS, FunctionVersion=created["Version"]
    )
    return str(alias["AliasArn"])


def msk_stub(stage: Stage) -> None:
    """Apply the MSK modules against a stub, plan again (empty), upgrade, plan, destroy."""
    with LocalStack() as aws:
        life = run(aws.endpoint_url)
    for change in life.second_plan:
        stage.fault(f"the second plan is not empty: {change}")
    for change in life.upgraded_plan:
        stage.fault(f"the plan after the upgrade is not empty: {change}")
    if not life.applied:
        stage.fault("nothing was applied")
    stage.figures |= {
        "msk_stub.applied": life.applied,
        "msk_stub.second_plan_changes": len(life.second_plan),
        "msk_stub.replaced": life.replaced,
        "msk_stub.upgraded_plan_changes": len(life.upgraded_plan),
        "msk_stub.destroyed": life.destroyed,
    }
    stage.summary = (
        f"{life.applied} applied against the stub, {len(life.second_plan)} changes in "
        f"the second plan, {life.replaced} replaced by an upgrade, {life.destroyed} destroyed"
    )
