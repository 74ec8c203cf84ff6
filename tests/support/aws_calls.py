"""Calls of SQS, SNS and EventBridge as they go over the wire: read, thinned out, answered."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    AwsCall: TypeAlias = "JsonCall | QueryCall"


def parse_call(headers: dict[str, str], body: bytes) -> AwsCall:
    """Return a call by what came."""
    target = headers.get("x-amz-target")
    return QueryCall(body) if target is None else JsonCall(target, headers, body)


class JsonCall:
    """A call of SQS or EventBridge.

    Attributes:
        names: Of each entry the id of its event, or the receipt.
        groups: The message groups of entries that have one.
    """

    def __init__(self, target: str, headers: dict[str, str], body: bytes) -> None:
        self.operation = target.rpartition(".")[2]
        self.headers = {"content-type": headers["content-type"]}
        self.fields = json.loads(body)
        self._entries = self.fields.get("Entries", [])
        self.names = [_name(entry) for entry in self._entries]
        self.groups = [it["MessageGroupId"] for it in self._entries if "MessageGroupId" in it]

    def without(self, left_out: frozenset[int]) -> bytes | None:
        """Return the body without some entries; None where there is no other."""
        kept = [entry for n, entry in enumerate(self._entries) if n not in left_out]
        return json.dumps({**self.fields, "Entries": kept}).encode() if kept else None

    def with_failed(self, answer: bytes, failed: Iterable[int]) -> bytes:
        """Return an answer that tells of those as well."""
        found = json.loads(answer or b"{}")
        if self.operation == "PutEvents":
            others = iter(found.get("Entries", []))
            error = {"ErrorCode": "InternalFailure", "ErrorMessage": "fake"}
            each = [error if n in failed else next(others) for n in range(len(self.names))]
            return json.dumps({"FailedEntryCount": 1, "Entries": each}).encode()
        error = {"Code": "InternalError", "Message": "fake", "SenderFault": False}
        told = found.get("Failed", []) + [{"Id": self._entries[n]["Id"], **error} for n in failed]
        return json.dumps({**found, "Failed": told}).encode()

    def refusal(self, code: str) -> bytes:
        """Return the body of an error."""
        return json.dumps({"__type": f"com.amazonaws#{code}", "message": "fake"}).encode()


class QueryCall:
    """A call of SNS."""

    _member = re.compile(r"PublishBatchRequestEntries\.member\.(\d+)\.(.*)")

    def __init__(self, body: bytes) -> None:
        self.headers = {"content-type": "text/xml"}
        self._others = {}
        entries: dict[int, dict[str, str]] = {}
        for name, value in parse_qsl(body.decode(), keep_blank_values=True):
            found = self._member.fullmatch(name)
            if found is None:
                self._others[name] = value
            else:
                entries.setdefault(int(found[1]), {})[found[2]] = value
        self._entries = list(entries.values())
        self.operation = self._others["Action"]
        self.names = [json.loads(entry["Message"])["id"] for entry in self._entries]
        self.groups = [it["MessageGroupId"] for it in self._entries if "MessageGroupId" in it]

    def without(self, left_out: frozenset[int]) -> bytes | None:
        """See ``JsonCall``."""
        kept = [entry for n, entry in enumerate(self._entries) if n not in left_out]
        fields = {
            f"PublishBatchRequestEntries.member.{n}.{name}": value
            for n, entry in enumerate(kept, 1)
            for name, value in entry.items()
        }
        return urlencode({**self._others, **fields}).encode() if kept else None

    def with_failed(self, answer: bytes, failed: Iterable[int]) -> bytes:
        """See ``JsonCall``."""
        members = "".join(
            f"<member><Id>{self._entries[n]['Id']}</Id><Code>InternalError</Code>"
            "<Message>fake</Message><SenderFault>false</SenderFault></member>"
            for n in failed
        )
        end = "</PublishBatchResult>"
        none = f"<PublishBatchResponse><PublishBatchResult>{end}</PublishBatchResponse>"
        text = answer.decode() or none
        text = re.sub(r"<Failed\s*/>|<Failed>\s*</Failed>", "", text)
        return text.replace(end, f"<Failed>{members}</Failed>{end}").encode()

    def refusal(self, code: str) -> bytes:
        """See ``JsonCall``."""
        error = f"<Code>{code}</Code><Message>fake</Message>"
        return f"<ErrorResponse><Error>{error}</Error></ErrorResponse>".encode()


def _name(entry: dict[str, str]) -> str:
    if "Detail" in entry and entry["Detail"].startswith("{"):
        return json.loads(entry["Detail"])["cloudevent"]["id"]
    if "Detail" in entry:
        return entry["Detail"]
    if "MessageBody" in entry:
        return json.loads(entry["MessageBody"])["id"]
    return entry["ReceiptHandle"]
