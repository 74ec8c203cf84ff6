"""What a consumer is given to handle each event once: its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.core.checks import require_bounded, require_number, require_positive, wrong_type
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from pat_events.consumer.dedupe.store import DedupeStore


class Dedupe:
    """Handles an event that comes again only once, by its id and source.

    ::

        ConsumerGroup("email-processor", handlers, dedupe=Dedupe(RedisDedupe("redis://cache:6379")))

    An event is claimed before its handler is called, and completed when it is done: its handler has
    returned, and what that published is acknowledged. What is completed is skipped when it comes
    again. What another process has claimed waits until that claim is over. What fails is released,
    before its dead letter is written: a replay of it is handled.

    While the store does not answer, events are held: none is handled unclaimed, and none that was
    handled is settled before that is remembered.

    A process that dies between the effect of a handler and its completion leaves a claim that is
    over after ``claim_s``: then the event is handled again. Exactly once is what a handler does in
    one transaction with its own mark.

    Args:
        store: Where claims are kept: ``RedisDedupe``, ``DynamoDbDedupe``, ``MemoryDedupe``, or what
            has what ``DedupeStore`` has. All members of a group, or consumers of a queue, share
            one; who made it closes it.
        ttl_s: How long a completed event is remembered, in seconds: for as long as it may come
            again, and at least ``claim_s``.
        claim_s: How long a claim lasts, in seconds. It is renewed while its process has the event,
            however long that takes, so this is how long an event waits for a process that died.

    Raises:
        ConfigError: an impossible value.
    """

    def __init__(
        self, store: DedupeStore, *, ttl_s: float = 86_400.0, claim_s: float = 60.0
    ) -> None:
        methods = ("claim_many", "complete_many", "release_many")
        is_store = all(callable(getattr(store, it, None)) for it in methods)
        is_store &= isinstance(getattr(store, "waits", None), bool)
        if isinstance(store, type) or not is_store:
            raise wrong_type("store of Dedupe", store, "a store, as in Dedupe(MemoryDedupe())")
        for name, seconds in (("ttl_s", ttl_s), ("claim_s", claim_s)):
            require_number(f"{name} of Dedupe", seconds)
            require_positive(f"{name} of Dedupe", seconds)
            require_bounded(f"{name} of Dedupe", seconds)
        if ttl_s < claim_s:
            raise ConfigError(
                f"ttl_s of Dedupe is {ttl_s}, less than its claim_s of {claim_s}: what is "
                "completed would be forgotten before a claim is over, so use at least as much"
            )
        self.store = store
        self.ttl_s = ttl_s
        self.claim_s = claim_s
