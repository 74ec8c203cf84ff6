"""Stage root: the whole platform on LocalStack and a stub of the MSK APIs, through its changes."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tools.stack import LocalStack
from tools.stack.localstack import client
from tools.terraform import policies
from tools.terraform.account import REGION, Account, furnish
from tools.terraform.alarms import unheard
from tools.terraform.elsewhere import RULE, Elsewhere
from tools.terraform.flow import deliver, signed_in
from tools.terraform.msk_stub import Stub
from tools.terraform.platform import Platform
from tools.terraform.provider import served
from tools.terraform.workspace import Module, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tools.terraform.report import Stage

GROWTH_GIB = 50
CONNECTOR = "module.msk_connect[0].aws_mskconnect_connector.archive"
#: Reads the cluster in use, and cannot be moved to another.
READERS = {
    CONNECTOR,
    'module.function_source["notifier"].aws_lambda_event_source_mapping.this',
}

EXPRESS = 'module.msk["express"].aws_msk_cluster.this["express"]'


def root(stage: Stage) -> None:
    """Apply, plan again (empty), use, change, plan again (empty), destroy."""
    with ExitStack() as open_:
        aws = open_.enter_context(LocalStack())
        stub = open_.enter_context(Stub(aws.endpoint_url))
        folder = open_.enter_context(workspace())
        account = furnish(aws.endpoint_url)
        environ = aws.environ() | stub.environ()
        Module(folder).run("version")
        environ |= open_.enter_context(served(folder, **environ))
        others = Elsewhere(aws.endpoint_url, REGION)
        platform = Platform(folder, account, environ, others.variables())
        platform.add("rules", "large", RULE)
        with _destroyed(stage, platform):
            with stage.timed("applied"):
                applied = platform.apply()
            stub.grow_volumes(GROWTH_GIB)
            with stage.timed("planned again"):
                changes = platform.changes()
            _use(stage, platform, aws.endpoint_url)
            with stage.timed("others reached"), signed_in(aws.endpoint_url):
                for fault in others.faults(platform.outputs()):
                    stage.fault(fault)
            changed = _change(stage, platform, account)
            with stage.timed("planned again"):
                changes += platform.changes("msk", "msk_connect")
            for change in changes:
                stage.fault(f"a second plan is not empty: {change}")
        for call in stub.unknown_calls:
            stage.fault(f"the provider made a call the stub does not know: {call}")
        for name in stub.left:
            stage.fault(f"{name} is left after destroy")
    stage.figures |= {
        "root.applied": applied,
        "root.second_plan_changes": len(changes),
        "root.changes_applied": changed,
    }
    stage.summary = (
        f"{applied} applied, {len(changes)} changes in second plans, {changed} changes of inputs, "
        f"{stage.figures['events_delivered']} ways to queues and workflows walked, all destroyed"
    )


@contextmanager
def _destroyed(stage: Stage, platform: Platform) -> Iterator[None]:
    """Destroy at the end of the block, however it ends."""
    try:
        yield
    finally:
        with stage.timed("destroyed"):
            there = len(platform.resources())
            destroyed = platform.destroy()
            if destroyed != there:
                stage.fault(f"{there - destroyed} resources are left after destroy")


def _use(stage: Stage, platform: Platform, endpoint_url: str) -> None:
    """Events, alarms and policies of what was applied."""
    resources, outputs = platform.resources(), platform.outputs()
    for address in platform.created_before_destroyed():
        stage.fault(f"{address} would be created beside one of the same name")
    for address in platform.without_region():
        stage.fault(f"{address} has a name that another region's platform would have as well")
    for fault in [*policies.faults(resources), *_refused(outputs, endpoint_url)]:
        stage.fault(fault)
    stage.say(f"{policies.count(resources)} policies checked as applied")
    with stage.timed("events delivered"):
        deliveries = deliver(endpoint_url, outputs)
    for delivery in deliveries:
        if delivery.fault:
            stage.fault(f"{delivery.rule} -> {delivery.target}: {delivery.fault}")
    seen = f"{sum(not d.fault for d in deliveries)}/{len(deliveries)}"
    stage.figures["events_delivered"] = seen
    with stage.timed("alarms rung"):
        for fault in unheard(endpoint_url, outputs):
            stage.fault(fault)


def _refused(outputs: Mapping[str, Any], endpoint_url: str) -> Iterator[str]:
    """Policies handed out that IAM cannot parse."""
    iam = client("iam", endpoint_url, region_name=REGION)
    for output, given in outputs.items():
        if "polic" not in output:
            continue
        for name, policy in given.items() if isinstance(given, dict) else [("", given)]:
            title = "-".join(filter(None, (output, name.replace(".", "-"))))
            try:
                made = iam.create_policy(PolicyName=title, PolicyDocument=policy)
            except iam.exceptions.ClientError as error:
                yield f"{output} {name}: {error}"
            else:
                iam.delete_policy(PolicyArn=made["Policy"]["Arn"])


def _change(stage: Stage, platform: Platform, account: Account) -> int:
    """Apply one change after the other; the answer is how many there were."""
    plugin = {"plugin": {"object_version": account.plugins[1]}}
    express = {"family": "express", "kafka_version": "3.9.x.kraft"}
    steps: dict[str, tuple[Callable[[], list[str]], set[str]]] = {
        "flush.records": (
            lambda: platform.change(msk_connect={"flush": {"records": 10_000}}),
            {CONNECTOR},
        ),
        "a further topic": (lambda: platform.add_topic("pat-audit"), {CONNECTOR}),
        "a new plugin": (lambda: platform.change(msk_connect=plugin), {CONNECTOR}),
        "Kafka upgraded": (lambda: platform.change(msk={"kafka_version": "4.0.x.kraft"}), set()),
        "an express cluster beside it": (lambda: platform.change(msk_successor=express), set()),
        "the express cluster in use": (
            lambda: platform.change(msk=express, msk_successor=None),
            READERS,
        ),
    }
    _protect(stage, platform, account)
    for name, (step, wanted) in steps.items():
        with stage.timed(name):
            replaced = step()
        if {*replaced} & {*READERS, EXPRESS} != wanted:
            stage.fault(f"{name} replaced {replaced}")
    return len(steps)


def _protect(stage: Stage, platform: Platform, account: Account) -> None:
    """What is protected cannot be replaced or removed by a plan, until protection is given up."""
    with stage.timed("protected"):
        platform.protect()
        plans: dict[str, dict[str, Any]] = {
            "other subnets": {"subnet_ids": account.spare_subnets},
            "no cluster": {"enable_msk": False, "msk_connect": None, "function_sources": None},
            "another family": {"msk": {"family": "express"}},
        }
        try:
            for name, variables in plans.items():
                if "cannot be destroyed" not in platform.refusal(**variables):
                    stage.fault(f"a plan with {name} is not refused")
        finally:
            platform.give_up_protection()
