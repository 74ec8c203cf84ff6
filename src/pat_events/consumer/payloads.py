"""Payloads that are kept outside of their events: had before the event is decoded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from pat_events.consumer.cancellation import from_outside
from pat_events.core.claim import read_claim
from pat_events.errors import ClaimCheckError, PermanentError, TransportError
from pat_events.system.signals import ends_the_process
from pat_events.transports.opening import payload_store

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import TypeAlias

    from google.protobuf.message import Message

    from pat_events.config import Config
    from pat_events.core.claim import Claim, Location
    from pat_events.core.record import Delivery
    from pat_events.transports.payloads import PayloadStore

    #: Has the payload of a delivery; returns the outage that it is to be held for, if any.
    Fetch: TypeAlias = Callable[["Fetching", bool], Generator[Any, Any, Exception | None]]


class Fetching(Protocol):
    """Of a job: whether it waits for a payload just now."""

    fetching: bool


class Payloads:
    """Where a consumer reads payloads.

    Args:
        allowed: The places; none where no claim check is configured.
        max_bytes: The longest that is read.
        store: What has them; None where nothing is allowed.
    """

    def __init__(
        self,
        allowed: Sequence[Location] = (),
        max_bytes: int = 0,
        store: PayloadStore | None = None,
    ) -> None:
        self._allowed = allowed
        self._max_bytes = max_bytes
        self.store = store

    @classmethod
    def configured(cls, config: Config, store: PayloadStore | None) -> Payloads:
        """Return what the settings say; S3, as ``PAT_EVENTS_AWS_*`` say, where a store lacks.

        Raises:
            ConfigError: these are impossible.
        """
        allowed = config.claim_check_locations
        return cls(allowed, config.buffer_bytes, payload_store(store) if allowed else None)

    def of(self, delivery: Delivery, decode: Callable[[bytes], Message]) -> Payload:
        """Return the payload that a delivery refers to; nothing is read yet.

        Raises:
            ClaimCheckError: it refers to nothing that is read here.
        """
        claim = read_claim(delivery.header_values, self._allowed, self._max_bytes)
        return Payload(claim, self.get, decode)

    def get(self, claim: Claim) -> bytes | Exception:
        """Return a payload, or why there is none: what is hopeless, or an outage."""
        try:
            assert self.store is not None  # noqa: S101 - or there was no claim
            payload = self.store.get(claim)
            claim.refuse_another(payload)
        except (ClaimCheckError, TransportError) as error:
            return error
        except Exception as error:  # noqa: BLE001 - it is none of the event's faults, whatever it is
            failure = TransportError(f"reading {claim.uri}: {error!r}")
            failure.__cause__ = error
            return failure
        return payload


class Payload:
    """The payload of one delivery; fetched again for each attempt, and not kept.

    Args:
        claim: What the delivery says of it.
        get: Waits for it.
        decode: Reads the event in it.
    """

    __slots__ = ("_claim", "_decode", "_found", "_get")

    def __init__(
        self,
        claim: Claim,
        get: Callable[[Claim], bytes | Exception],
        decode: Callable[[bytes], Message],
    ) -> None:
        self._claim = claim
        self._get = get
        self._decode = decode
        self._found: bytes | Exception | None = None

    def fetch(self, job: Fetching, is_async: bool) -> Generator[Any, Any, Exception | None]:  # noqa: FBT001 - for each event
        """Have the payload for ``decode``, or why there is none; a thread waits, a task awaits.

        Its time is none of the handler's: the store has limits of its own. Returns the outage that
        the event is to be held for, if there is one.
        """
        job.fetching = True
        try:
            if is_async and _has_loop():
                self._found = yield from asyncio.to_thread(self._get, self._claim).__await__()
            else:
                self._found = self._get(self._claim)
        except BaseException as error:
            self._found = from_outside(error) or TransportError(
                f"reading {self._claim.uri} was ended: {type(error).__name__}"
            )
            if ends_the_process(error):
                raise
        finally:
            job.fetching = False
        found = self._found
        if isinstance(found, Exception) and not isinstance(found, PermanentError):
            return found
        return None

    def decode(self, _: object) -> Message:
        """Return the event in what was fetched; in place of the delivery's own value.

        Raises:
            ClaimCheckError, TransportError, HoldError: it could not be had.
            Exception: as what decodes payloads.
        """
        found, self._found = self._found, None
        if not isinstance(found, bytes):
            raise found or TransportError(f"{self._claim.uri} was not read")
        return self._decode(found)


def _has_loop() -> bool:
    # A simulation steps coroutines without one.
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
