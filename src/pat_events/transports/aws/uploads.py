"""What a claim check does with a record: upload its payload, then hand the record on.

To the ``BusSender`` that does it this is a bus of its own, with a record of its own for each: so
uploads have the limits, the waits between tries, the order by key and the time limit that all that
is sent to AWS has.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from pat_events.codecs.table import media_type
from pat_events.core import headers as h
from pat_events.core.claim import claim_for
from pat_events.errors import (
    AuthenticationError,
    BufferFullError,
    NotPermittedError,
    PatEventsError,
    TopicMissingError,
    TransportError,
)
from pat_events.telemetry.clients import NotDelivered
from pat_events.telemetry.observers import Observers
from pat_events.transports.aws.batching import Entry, Refused, Taken
from pat_events.transports.sending import Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pat_events.core.claim import Location
    from pat_events.telemetry.observer import GivenObserver, Happening, Origin
    from pat_events.transports.aws.batching import Answer
    from pat_events.transports.payloads import PayloadStore
    from pat_events.transports.sending import Place, Sender

#: How long to wait for room before it is looked at again where it is missing, in seconds.
ROOM_S: Final = 0.05
_FOR_GOOD: Final = (NotPermittedError, AuthenticationError, TopicMissingError)


class Upload(Outgoing):
    """A record on its way to its sender; it is over when that has it.

    Attributes:
        original: The record as it was published.
        is_large: Its payload is to be stored first. One that is not waits behind one that is.
        carried: What the sender gets.
        handed_on: The sender has it, and says what becomes of it.
    """

    __slots__ = ("_over", "_unsettled", "carried", "handed_on", "is_large", "original")

    def __init__(
        self, original: Outgoing, *, is_large: bool, over: Callable[[Upload], None]
    ) -> None:
        super().__init__(original.topic, original.key, original.value, (), original.timestamp_ms)
        self.original = original
        self.is_large = is_large
        self.carried: Carried | None = None
        self.handed_on = False
        self._over = over
        self._unsettled = [original]

    def settle(self, error: PatEventsError | None, place: Place | None) -> None:
        """The sender has it, or never will."""
        if self.handed_on:
            # It was given up before that became known: it would be told, and counted, twice.
            error = None
        super().settle(error, place)
        self.value = None
        if error is not None:
            self.settle_original(error, None)
        self._over(self)

    def settle_original(self, error: PatEventsError | None, place: Place | None) -> bool:
        """Settle the record, unless it is; tells which.

        It may be given up here while its sender gets it, which then says what became of it.
        """
        try:
            original = self._unsettled.pop()  # One step: whoever comes first.
        except IndexError:
            return False
        original.settle(error, place)
        return True


class Carried(Outgoing):
    """A record as the sender gets it; settles the one that was published."""

    __slots__ = ("upload",)

    def __init__(self, upload: Upload) -> None:
        original = upload.original
        super().__init__(
            original.topic, original.key, upload.value, original.headers, original.timestamp_ms
        )
        self.upload = upload

    def settle(self, error: PatEventsError | None, place: Place | None) -> None:
        """Tell the record that was published."""
        super().settle(error, place)
        self.upload.original.topic = self.topic
        self.upload.settle_original(error, place)


class Uploads:
    """The bus; see ``Bus``.

    Args:
        store: Where payloads go.
        location: Where in it.
        sender: Where records go then.
    """

    system = "aws.s3"
    # Of one payload a call: it is the record that is limited.
    max_bytes = sys.maxsize

    def __init__(self, store: PayloadStore, location: Location, sender: Sender) -> None:
        self.address = f"bucket {location.bucket}"
        self._store = store
        self._location = location
        self._sender = sender

    def wrap(self, outgoing: Outgoing) -> Entry:
        """Return a record as it is uploaded; see ``Bus.wrap``."""
        key = outgoing.key
        # Any bytes, as a text that tells them apart.
        group = None if key is None else key.decode("latin-1")
        size = len(outgoing.value or b"")
        return Entry(outgoing, self.address, self.address, {}, size, group)

    def call(self, entries: Sequence[Entry]) -> Sequence[Answer] | Refused:
        """Upload the payload of the one entry, and hand the record on; see ``Bus.call``."""
        (entry,) = entries
        upload = entry.outgoing
        assert isinstance(upload, Upload)  # noqa: S101 - nothing else is sent here
        if upload.carried is None:
            refused = self._prepare(upload)
            if refused is not None:
                return refused
        return [self._hand_on(entry, upload)]

    def close(self) -> None:
        """Keep the store's connections: whoever made it may upload with another sender."""

    def _prepare(self, upload: Upload) -> Refused | None:
        """Make what is handed on, its payload uploaded where it has to be."""
        value = upload.value
        carried = Carried(upload)
        if upload.is_large and value is not None:
            headers = upload.original.headers
            values = dict(headers)
            claim = claim_for(self._location, values, value)
            try:
                self._store.put(claim, value, media_type(values.get(h.CONTENT_TYPE)))
            except PatEventsError as error:
                again = isinstance(error, TransportError) and not isinstance(error, _FOR_GOOD)
                return Refused(error, again=again)
            # Not None: a record without a value deletes others from a compacted topic.
            carried.value = b""
            carried.headers = (
                {**headers, **claim.headers}
                if isinstance(headers, dict)
                else [*headers, *claim.headers.items()]
            )
            # It is stored, and may be large: not kept for as long as somebody has the handle.
            upload.value = upload.original.value = None
        upload.carried = carried
        return None

    def _hand_on(self, entry: Entry, upload: Upload) -> Answer:
        sender, carried = self._sender, upload.carried
        assert carried is not None  # noqa: S101 - made before
        while not entry.over:
            try:
                sender.send(carried)
            except BufferFullError:
                sender.wait_for_room(ROOM_S)
            except PatEventsError as error:
                return Refused(error)
            else:
                upload.handed_on = True
                return Taken("")
        return Refused(TransportError("given up while the sender had no room"))


class OnlyFailures:
    """Tells observers what was not delivered: the rest is told by the sender that gets it."""

    def __init__(self, observers: Iterable[GivenObserver], origin: Origin) -> None:
        self._observers = Observers(observers, origin)

    def saw(self, what: Happening) -> None:
        """This happened."""
        if isinstance(what, NotDelivered):
            self._observers.saw(what)
