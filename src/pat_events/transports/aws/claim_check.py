"""A sender around another: what is too large for it goes to a store, and the record says where."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from pat_events.core import headers as h
from pat_events.core.claim import Location
from pat_events.errors import RecordTooLargeError
from pat_events.telemetry.observer import Origin
from pat_events.transports.aws.config import AwsConfig
from pat_events.transports.aws.sender import BusSender
from pat_events.transports.aws.uploads import ROOM_S, Carried, OnlyFailures, Upload, Uploads
from pat_events.transports.process_end import watch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pat_events.config import Config
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.transports.payloads import PayloadStore
    from pat_events.transports.sending import Outgoing, Sender

_log = logging.getLogger("pat_events.aws")

# Uploads at a time, each on a thread: one takes S3 some 30 ms.
_UPLOADS: Final = 8
# How finely keys are told apart by whether something of theirs is on its way; a power of two.
_STRIPES: Final = 1024


class ClaimCheckSender:
    """Sends records through another sender, large payloads to a store.

    A record that is small, with nothing of its key on its way to the store, is handed on at once.
    One that is large is uploaded first; what comes behind it in its key waits for that, so that the
    order is kept. What waits is limited like the buffer of the sender, and apart from it.

    Args:
        sender: Where records go; closed with this one.
        store: Where payloads go.
        config: What is large, how much is taken and when it is given up.
        observers: Are told which records were given up before ``sender`` had them.
    """

    def __init__(
        self,
        sender: Sender,
        store: PayloadStore,
        config: Config,
        observers: Iterable[GivenObserver] = (),
    ) -> None:
        self._sender = sender
        above = config.claim_check_above_bytes
        self._most_bytes = config.max_event_bytes
        self._above_bytes = self._most_bytes if above is None else above
        self._surely_small_bytes = min(self._above_bytes, self._most_bytes - h.MAX_HEADER_BYTES)
        location = Location(config.claim_check_bucket or "", config.claim_check_prefix)
        self._uploads = BusSender(
            Uploads(store, location, sender),
            config,
            AwsConfig(linger_s=0.0, batch_events=1, calls_in_flight=_UPLOADS),
            observers=[OnlyFailures(observers, Origin(Uploads.system))],
        )
        self._uploading = self._uploads.outstanding
        # How many were begun and are over, by a hash of their key: the one is changed by
        # publishers, the other by who settles, and no lock is between them. What shares a number
        # with another key waits in vain, for a moment.
        self._begun = [0] * _STRIPES
        self._over = [0] * _STRIPES
        self._lock = threading.RLock()
        watch(self, _log)

    def send(self, outgoing: Outgoing) -> None:
        """Take one record; see ``Sender.send``."""
        value = outgoing.value
        is_large = (
            value is not None
            and len(value) > self._surely_small_bytes
            and self._is_large(outgoing, len(value))
        )
        if not is_large and not self._has_to_wait(outgoing.key):
            try:
                self._sender.send(outgoing)
            except RecordTooLargeError:
                # By the sender's own count: of text, say, which the payload becomes.
                if not _may_go_elsewhere(outgoing):
                    raise
                is_large = True
            else:
                return
        self._upload(Upload(outgoing, is_large=is_large, over=self._is_over))

    def _is_large(self, outgoing: Outgoing, size: int) -> bool:
        if size <= self._above_bytes:
            headers = outgoing.headers
            pairs = headers.items() if isinstance(headers, dict) else headers
            size += len(outgoing.key or b"") + h.size_bytes(pairs)
            if size <= self._most_bytes:
                return False
        return _may_go_elsewhere(outgoing)

    def _has_to_wait(self, key: bytes | None) -> bool:
        if key is None or not self._uploading:
            return False
        stripe = hash(key) % _STRIPES
        return self._begun[stripe] != self._over[stripe]

    def _upload(self, upload: Upload) -> None:
        stripe = hash(upload.key) % _STRIPES
        with self._lock:
            # First: whoever publishes next of this key has to see it.
            self._begun[stripe] += 1
            try:
                self._uploads.send(upload)
            except BaseException:
                self._begun[stripe] -= 1
                raise

    def _is_over(self, upload: Upload) -> None:
        # By one thread at a time: that of the uploads. Two are at it only when closing, and nothing
        # is taken then.
        self._over[hash(upload.key) % _STRIPES] += 1

    def wait_for_room(self, timeout_s: float) -> None:
        """Wait until a record is settled; see ``Sender.wait_for_room``."""
        if self._uploading:
            # Which of the two is full is not known.
            self._uploads.wait_for_room(min(timeout_s, ROOM_S))
        else:
            self._sender.wait_for_room(timeout_s)

    def may_wait(self) -> bool:
        """Tell whether this thread is outside of callbacks; see ``Sender.may_wait``."""
        return self._sender.may_wait() and self._uploads.may_wait()

    def expedite(self) -> None:
        """Settle what was taken until now as soon as can be; see ``Sender.expedite``."""
        self._sender.expedite()

    def flush(self, timeout_s: float) -> list[Outgoing]:
        """Wait until every record is settled; see ``Sender.flush``."""
        deadline = time.monotonic() + (timeout_s if self.may_wait() else 0.0)
        late = self._uploads.flush(_until(deadline))
        # What the sender has was published first, mostly.
        return _originals([*self._sender.flush(_until(deadline)), *late])

    def close(self, timeout_s: float) -> list[Outgoing]:
        """Refuse further records, flush, then stop; see ``Sender.close``."""
        deadline = time.monotonic() + timeout_s
        uploads = self._uploads.close(timeout_s)
        given_up = _originals([*self._sender.close(_until(deadline)), *uploads])
        return [it for it in given_up if it.error is not None]

    @property
    def ended(self) -> bool:
        """Whether nothing is sent any more."""
        return self._uploads.ended

    def abandon_after_fork(self) -> None:
        """In a child process; the two senders in here refuse for themselves."""
        self._lock = threading.RLock()


def _may_go_elsewhere(outgoing: Outgoing) -> bool:
    """Tell whether it is an event with its payload, and no dead letter, which stays what it was."""
    headers = outgoing.headers
    names = set(headers if isinstance(headers, dict) else dict(headers))
    return (
        bool(outgoing.value)
        and h.CE_TYPE in names
        and h.CE_DATAREF not in names
        and not any(name.startswith(h.OF_LETTERS) for name in names)
    )


def _originals(records: Iterable[Outgoing]) -> list[Outgoing]:
    """Return what was published, each once."""
    found: dict[Outgoing, None] = {}
    for each in records:
        if isinstance(each, Upload):
            found[each.original] = None
        elif isinstance(each, Carried):
            found[each.upload.original] = None
        else:
            found[each] = None
    return list(found)


def _until(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
