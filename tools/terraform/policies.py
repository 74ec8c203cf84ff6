"""Rules every policy of the platform keeps, checked on what was really applied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

POLICIES = ("policy", "assume_role_policy")
SOURCES = ("aws:sourcearn", "aws:sourceaccount", "kms:encryptioncontext:")
# EventBridge's KMS requests on the way to a queue carry no source: a condition would
# refuse every one of them.
SOURCELESS = ("aws_kms_key", "events.amazonaws.com")


def faults(resources: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One sentence per statement that is open to more than it should be."""
    for resource in resources:
        for name in POLICIES:
            text = resource["values"].get(name)
            if isinstance(text, str) and text.startswith("{"):
                for statement in _list(json.loads(text)["Statement"]):
                    for fault in _statement(resource["type"], statement):
                        yield f"{resource['address']}: {statement.get('Sid', name)} {fault}"


def count(resources: Iterable[Mapping[str, Any]]) -> int:
    """How many policies there are."""
    return sum(
        1 for r in resources for name in POLICIES if str(r["values"].get(name)).startswith("{")
    )


def _statement(kind: str, statement: Mapping[str, Any]) -> Iterator[str]:
    if statement["Effect"] != "Allow":
        return
    principal = statement.get("Principal", {})
    if principal == "*" or "*" in _list(principal.get("AWS", [])):
        yield "lets everybody in"
        return
    if "NotPrincipal" in statement or "NotAction" in statement:
        yield "allows what it does not name"
    if "*" in _list(statement.get("Action", [])):
        yield "allows every action of every service"
    keys = {key.lower() for test in statement.get("Condition", {}).values() for key in test}
    named = any(key.startswith(SOURCES) for key in keys)
    for service in _list(principal.get("Service", [])):
        if (kind, service) == SOURCELESS:
            if named:
                yield "names a source EventBridge does not send: every event would be lost"
        elif not named:
            yield f"lets {service} in for anybody's resources: name a source"


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - a policy has one or many everywhere
    return value if isinstance(value, list) else [value]
