"""What a saved plan would lose: ``python -m tools.terraform --losses plan.json``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# Type to what goes with it.
HELD = {
    "aws_cloudformation_stack": "the archive of the bus, and with it what could be replayed",
    "aws_cloudwatch_event_archive": "what could be replayed",
    "aws_cloudwatch_log_group": "its logs",
    "aws_kms_key": "what it encrypts, once its days of grace are over",
    "aws_msk_cluster": "its topics, their events and all offsets",
    "aws_msk_serverless_cluster": "its topics, their events and all offsets",
    "aws_s3_bucket": "its objects, or fails where they are not to be deleted",
    "aws_sns_topic": "its subscriptions, which have to be confirmed again",
    "aws_sqs_queue": "its messages",
}
# Type to attributes that keep things for a time; a shorter one deletes what is older.
KEPT_FOR = {
    "aws_cloudwatch_event_archive": "retention_days",
    "aws_cloudwatch_log_group": "retention_in_days",
    "aws_sqs_queue": "message_retention_seconds",
}
NUMBER = re.compile(r"\d+")


def losses(plan: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each loss, and for each step that AWS does not take back.

    Args:
        plan: What ``terraform show -json`` says of a saved plan.
    """
    for change in plan.get("resource_changes", []):
        if "delete" in change["change"]["actions"] and change["type"] in HELD:
            yield _deleted(change)
        elif change["change"]["actions"] == ["update"]:
            yield from _worse(change)


def tell(file: Path) -> int:
    """Print the losses of a plan; the answer is 1 when there are any."""
    found = list(losses(json.loads(file.read_text(encoding="utf-8"))))
    print("\n".join(found or ["this plan loses nothing"]))
    return int(bool(found))


def _deleted(change: Mapping[str, Any]) -> str:
    what = change["change"]
    if "create" not in what["actions"]:
        return f"{change['address']} is deleted: {HELD[change['type']]}"
    because = ", ".join(
        ".".join(part for part in path if isinstance(part, str))
        for path in what.get("replace_paths", [])
    )
    return f"{change['address']} is replaced because of {because}: {HELD[change['type']]}"


def _worse(change: Mapping[str, Any]) -> Iterator[str]:
    before, after = change["change"]["before"], change["change"]["after"]
    name = KEPT_FOR.get(change["type"])
    # Nothing and 0 keep without end.
    if name and after.get(name) and (before.get(name) or float("inf")) > after[name]:
        yield f"{change['address']} keeps less: {name} {before.get(name)} -> {after[name]}"
    if change["type"] == "aws_msk_cluster":
        old, new = before["kafka_version"], after["kafka_version"]
        if _version(new) < _version(old):
            yield f"{change['address']}: Kafka {old} -> {new}; MSK refuses to go back"


def _version(kafka: str) -> list[int]:
    return [int(number) for number in NUMBER.findall(kafka)]
