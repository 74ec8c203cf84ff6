"""The cluster an operator works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pat_events.config import ANSWER_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pat_events.transports.kafka.admin import KafkaAdmin
    from pat_events.transports.kafka.config import KafkaConfig


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Kafka cluster, and how long it may take to answer first, in seconds."""

    kafka: KafkaConfig
    answer_timeout_s: float = ANSWER_TIMEOUT_S

    def admin(self, topics: Sequence[str] = ()) -> KafkaAdmin:
        """Return a client of it; raises what ``KafkaAdmin`` does."""
        from pat_events.transports.kafka.admin import KafkaAdmin  # noqa: PLC0415 -- loads the client

        return KafkaAdmin(self.kafka, topics, answer_timeout_s=self.answer_timeout_s)
