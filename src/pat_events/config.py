"""Settings of what belongs to events, whatever carries them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from pat_events.core.checks import require_positive, require_seconds, require_word, wrong_type
from pat_events.core.claim import Location
from pat_events.errors import ConfigError
from pat_events.settings import Settings

CodecName: TypeAlias = Literal["protobuf", "avro"]

#: How long to wait for an answer where no other time is set, in seconds.
ANSWER_TIMEOUT_S: Final = 10.0
_SIZES: Final = ("buffer_events", "buffer_bytes", "max_event_bytes")
_TIMES: Final = ("publish_timeout_s", "delivery_timeout_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Settings):
    """What a producer or a consumer group needs to know besides its transport.

    Each field is ``PAT_EVENTS_<NAME>`` in the environment; ``from_env`` reads them. A variable
    that is empty counts as not set.

    Attributes:
        catalog: Catalogue file; the packaged one when None.
        codec: How payloads are written. Reading follows each record's content type.
        source: ``ce_source`` of what is published; the catalogue's per event when None.
        tenant_id: Tenant of events that name none.
        buffer_events: Most events waiting for the broker. Each takes about 3 kB besides
            its payload, and twice the size of the headers given to ``publish``: with large ones
            this is the setting that bounds the memory an outage can take.
        buffer_bytes: Most bytes of payload waiting for the broker; keys and headers are not
            counted.
        max_event_bytes: Largest payload plus headers, refused before sending. Stay below what
            the transport takes: with Kafka the topics' ``max.message.bytes`` (1,048,588 by
            default).
        publish_timeout_s: Longest wait for room in the buffer, in seconds.
        delivery_timeout_s: An event not acknowledged after this long failed, in
            seconds; it may still be delivered. The longer, the later an outage is noticed.
        connect_timeout_s: How long to wait for a broker at start, in seconds. With 0 a
            producer starts without asking; what cannot do without an answer, such as a
            consumer group or an operator's command, then waits up to 10 s.
        claim_check_bucket: S3 bucket for the payloads of events that are too large to be sent; such
            an event then carries a reference to its payload instead. ``buffer_bytes`` limits them
            then. When None they are refused.
        claim_check_prefix: What the names of those objects begin with, such as ``emails/``.
        claim_check_above_bytes: Payloads above this go there as well, though they could be sent.
            When None those over ``max_event_bytes``, and what the bus refuses for its size.
        claim_check_read_from: Further places that payloads are read from, ``bucket`` or
            ``bucket/prefix``, separated by commas; those of the bucket above always are. Elsewhere
            no reference is followed.
    """

    catalog: Path | str | None = None
    codec: CodecName = "protobuf"
    source: str | None = None
    tenant_id: str | None = None
    buffer_events: int = 100_000
    buffer_bytes: int = 268_435_456
    max_event_bytes: int = 1_000_000
    publish_timeout_s: float = 30.0
    delivery_timeout_s: float = 120.0
    connect_timeout_s: float = ANSWER_TIMEOUT_S
    claim_check_bucket: str | None = None
    claim_check_prefix: str = ""
    claim_check_above_bytes: int | None = None
    claim_check_read_from: str | None = None

    @property
    def largest_event_bytes(self) -> int:
        """Largest payload plus headers that is taken, in bytes; see ``claim_check_bucket``."""
        return self.max_event_bytes if self.claim_check_bucket is None else self.buffer_bytes

    @property
    def claim_check_locations(self) -> tuple[Location, ...]:
        """Where payloads outside of their events may be read from."""
        own = self.claim_check_bucket
        found = [] if own is None else [Location(own, self.claim_check_prefix)]
        further = (self.claim_check_read_from or "").split(",")
        return (*found, *(Location.of(each.strip()) for each in further if each.strip()))

    @property
    def answer_timeout_s(self) -> float:
        """How long to wait for an answer that is needed, in seconds; see ``connect_timeout_s``."""
        return self.connect_timeout_s or ANSWER_TIMEOUT_S

    @classmethod
    def given(cls, config: Config | None) -> Config:
        """Return what a producer or a group was given, or what the environment says.

        Raises:
            ConfigError: as ``from_env``; or this is something else, such as a transport's settings.
        """
        if config is None:
            return cls.from_env()
        if not isinstance(config, Config):
            raise wrong_type(
                "config", config, "a Config; Kafka's own go to transport=KafkaTransport(...)"
            )
        return config

    def _check(self) -> None:
        for name in (*_SIZES, *_TIMES):
            require_positive(name, getattr(self, name))
        for name in (*_TIMES, "connect_timeout_s"):
            require_seconds(name, getattr(self, name))
        for name in ("source", "tenant_id"):
            require_word(name, getattr(self, name))
        if self.buffer_bytes < self.max_event_bytes:
            raise ConfigError(
                f"buffer_bytes ({self.buffer_bytes}) is below max_event_bytes "
                f"({self.max_event_bytes}): the largest event would never fit"
            )
        self._check_claim_check()

    def _check_claim_check(self) -> None:
        for location in self.claim_check_locations:
            location.check()
        above = self.claim_check_above_bytes
        if self.claim_check_bucket is None:
            if self.claim_check_prefix or above is not None:
                name = "claim_check_prefix" if above is None else "claim_check_above_bytes"
                raise ConfigError(f"{name} without claim_check_bucket: name the bucket too")
        elif above is not None:
            require_positive("claim_check_above_bytes", above)
            if above > self.max_event_bytes:
                raise ConfigError(
                    f"claim_check_above_bytes ({above}) is above max_event_bytes "
                    f"({self.max_event_bytes}): nothing larger than that is sent as it is"
                )
