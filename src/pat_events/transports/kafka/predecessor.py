"""A static member under KIP-848 whose name the broker still keeps for an earlier process."""

from __future__ import annotations

import logging
import time
from typing import Final

from confluent_kafka import KafkaError

_log = logging.getLogger("pat_events.kafka")

# Longest wait for the end of its session, in seconds: brokers allow sessions of 60 s at most
# (group.consumer.max.session.timeout.ms), and take a moment to end one.
_RELEASED_S: Final = 75.0
# Time between attempts to join meanwhile, in seconds.
_JOIN_AGAIN_S: Final = 1.0
# All that a fatal error tells of its cause.
_STILL_USED: Final = KafkaError(KafkaError.UNRELEASED_INSTANCE_ID).str()


class Predecessor:
    """Waits, within bounds, for an earlier process that ended without leaving the group."""

    def __init__(self, group: str, instance_id: str | None) -> None:
        self._group = group
        self._instance_id = instance_id
        self._join_again_at: float | None = None
        self._given_up_at: float | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether the client has to be replaced by one that joins again."""
        return self._join_again_at is not None

    def is_there(self, error: KafkaError) -> bool:
        """Tell whether a fatal error is of this kind, and still to be waited for."""
        now = time.monotonic()
        if _STILL_USED not in error.str():
            return False
        if self._given_up_at is None:
            self._given_up_at = now + _RELEASED_S
            _log.warning(
                "group %s still has a member with group.instance.id %r: waiting up to %g s for the "
                "end of its session, as after a crash; two processes may not share that name",
                self._group,
                self._instance_id,
                _RELEASED_S,
            )
        if now >= self._given_up_at:
            return False
        self._join_again_at = now + _JOIN_AGAIN_S
        return True

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is time to join again, up to ``timeout_s``; tells whether it is."""
        if self._join_again_at is None:
            return False
        left = self._join_again_at - time.monotonic()
        time.sleep(max(0.0, min(left, timeout_s)))
        if left > timeout_s:
            return False
        self._join_again_at = None
        return True

    def has_gone(self) -> None:
        """We are in its place."""
        self._given_up_at = None
