"""Claims in a table of DynamoDB."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from pat_events.consumer.dedupe.store import ClosableStore, DedupeAnswer
from pat_events.core.checks import require_text
from pat_events.errors import DedupeStoreError
from pat_events.transports.aws.client import Clients
from pat_events.transports.aws.config import AwsConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# Most items of one transaction, and of one batch: AWS's limits.
_TRANSACTION: Final = 100
_BATCH: Final = 25
# How often a question is repeated for what was not taken of it, and after how long, in seconds.
_ROUNDS: Final = 6
_PAUSE_S: Final = 0.05
# What a key may have, in bytes: AWS's limit.
_MAX_KEY_BYTES: Final = 2_048
# Clocks of machines may differ so much, in seconds.
_CLOCKS_DIFFER_S: Final = 3_600.0
# So many claims of others are watched.
_MAX_WATCHED: Final = 10_000


class DynamoDbDedupe(ClosableStore):
    """Keeps claims in a table of DynamoDB: for all processes of a group, functions among them.

    The table has a partition key ``id`` (text) and ``expires`` as its TTL attribute. It takes
    ``TransactWriteItems`` for claims, and for what is released (100 events a call, two write units
    each), ``BatchWriteItem`` for what is completed (25, one unit).

    Whether a claim is over does not hang on clocks that agree: it is when nobody has renewed it for
    as long as it lasts, by the clock of who looks; or an hour after its end.

    Args:
        table: Name or ARN of the table.
        config: Where, and how long calls may take; from ``PAT_EVENTS_AWS_*`` when None.
        clock: Monotonic, in seconds.
        wall_clock: Seconds since 1970.

    Raises:
        ConfigError: an impossible value, or boto3 is not installed.
    """

    waits = True

    def __init__(
        self,
        table: str,
        config: AwsConfig | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        require_text("table of DynamoDbDedupe", table)
        self._table = table
        self._clients = Clients("dynamodb", AwsConfig.given(config))
        self._lock = threading.Lock()
        self._client: Any = None
        self._clock = clock
        self._wall_clock = wall_clock
        # Claims of others: their version, and since when it is seen.
        self._watched: dict[str, tuple[str, float]] = {}

    def claim_many(self, keys: Sequence[bytes], owner: str, claim_s: float) -> list[DedupeAnswer]:
        """Claim these events; see ``DedupeStore``.

        Raises:
            DedupeStoreError: the table did not take it.
        """
        answers: dict[str, DedupeAnswer] = {}
        names = [_name(key) for key in keys]
        for part in _parts(names, _TRANSACTION):
            # Of each the version that is to be replaced, if it is one of somebody else.
            wanted: dict[str, str | None] = dict.fromkeys(part)
            for _ in range(_ROUNDS):
                if not wanted:
                    break
                puts = [self._claim(name, owner, claim_s, old) for name, old in wanted.items()]
                for name, found in zip(list(wanted), self._transact(puts), strict=True):
                    claim, replaces = self._judge(name, found)
                    if claim is not None:
                        answers[name] = claim
                        del wanted[name]
                    elif replaces is not None:
                        wanted[name] = replaces
            if wanted:
                raise DedupeStoreError(f"{self._table} did not take claims of {len(wanted)} events")
        return [answers[name] for name in names]

    def _claim(self, name: str, owner: str, claim_s: float, replaces: str | None) -> dict[str, Any]:
        until = self._wall_clock() + claim_s
        values = {":me": {"S": owner}}
        condition = "attribute_not_exists(id) OR claimed_by = :me"
        if replaces is not None:
            values[":old"] = {"S": replaces}
            condition += " OR version = :old"
        item = {
            "id": {"S": name},
            "claimed_by": {"S": owner},
            "version": {"S": uuid.uuid4().hex},
            "claim_s": {"N": str(claim_s)},
            "until": {"N": f"{until:.3f}"},
            "expires": {"N": str(int(until + 2 * _CLOCKS_DIFFER_S))},
        }
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _transact(self, writes: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
        """Return of each what it found in its way; an empty one where it was taken.

        And None where it was not for the sake of another.
        """
        client = self._ask()
        try:
            client.transact_write_items(TransactItems=writes)
        except client.exceptions.TransactionCanceledException as canceled:
            reasons = canceled.response.get("CancellationReasons") or []
            if len(reasons) != len(writes):
                raise
            if not any(it.get("Item") for it in reasons):
                time.sleep(_PAUSE_S)  # Somebody else writes them just now.
            return [it.get("Item") or None for it in reasons]
        return [{} for _ in writes]

    def _judge(
        self, name: str, found: dict[str, Any] | None
    ) -> tuple[DedupeAnswer | None, str | None]:
        """Return what comes of a claim; or None and what version it is to replace, if any."""
        if found is None:
            return None, None  # It was not taken for another's sake.
        if not found:
            self._watched.pop(name, None)
            return DedupeAnswer.OURS, None
        version = found["version"]["S"]
        now = self._wall_clock()
        if "claimed_by" not in found:
            is_over = float(found["expires"]["N"]) <= now
            return (None, version) if is_over else (DedupeAnswer.DONE, None)
        seen_version, since = self._watched.get(name, ("", 0.0))
        if seen_version != version:
            if len(self._watched) >= _MAX_WATCHED:
                self._watched.clear()
            since = self._clock()
            self._watched[name] = version, since
        unchanged_s = self._clock() - since
        is_over = unchanged_s >= float(found["claim_s"]["N"])
        if is_over or float(found["until"]["N"]) + _CLOCKS_DIFFER_S <= now:
            return None, version
        return DedupeAnswer.BUSY, None

    def complete_many(self, keys: Sequence[bytes], ttl_s: float) -> None:
        """Remember that these were handled; see ``DedupeStore``.

        Raises:
            DedupeStoreError: the table did not take it.
        """
        client = self._ask()
        expires = {"N": str(int(self._wall_clock() + ttl_s) + 1)}
        for part in _parts([_name(key) for key in keys], _BATCH):
            version = {"S": uuid.uuid4().hex}
            items = [{"id": {"S": it}, "version": version, "expires": expires} for it in part]
            waits = {self._table: [{"PutRequest": {"Item": item}} for item in items]}
            for attempt in range(_ROUNDS):
                waits = client.batch_write_item(RequestItems=waits)["UnprocessedItems"]
                if not waits:
                    break
                time.sleep(_PAUSE_S * 2**attempt)
            if waits:
                raise DedupeStoreError(f"{self._table} takes no more for now")

    def release_many(self, keys: Sequence[bytes], owner: str) -> None:
        """Give up claims; see ``DedupeStore``.

        Raises:
            DedupeStoreError: the table did not take it.
        """
        # A transaction takes none twice.
        for part in _parts(list(dict.fromkeys(map(_name, keys))), _TRANSACTION):
            wanted = part
            for _ in range(_ROUNDS):
                found = self._transact([self._release(name, owner) for name in wanted])
                # What has something in its way is not ours any more, or was completed.
                wanted = [name for name, it in zip(wanted, found, strict=True) if it is None]
                if not wanted:
                    break
            if wanted:
                raise DedupeStoreError(f"{self._table} did not release {len(wanted)} events")

    def _release(self, name: str, owner: str) -> dict[str, Any]:
        return {
            "Delete": {
                "TableName": self._table,
                "Key": {"id": {"S": name}},
                "ConditionExpression": "attribute_not_exists(id) OR claimed_by = :me",
                "ExpressionAttributeValues": {":me": {"S": owner}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def close(self) -> None:
        """Close its connections; see ``ClosableStore``."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _ask(self) -> Any:  # noqa: ANN401 - boto3 makes its classes when it runs
        with self._lock:
            if self._client is None:
                self._client = self._clients.make()
            return self._client


def _name(key: bytes) -> str:
    """Return a key as text: itself where it is text that fits, else its hash."""
    if len(key) <= _MAX_KEY_BYTES:
        try:
            return key.decode()
        except UnicodeDecodeError:
            pass
    return f"sha256 {hashlib.sha256(key).hexdigest()}"


def _parts(names: list[str], size: int) -> Iterator[list[str]]:
    for begin in range(0, len(names), size):
        yield names[begin : begin + size]
