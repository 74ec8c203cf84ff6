"""A message of the client as a delivery."""

from __future__ import annotations

from operator import methodcaller
from typing import TYPE_CHECKING, Final

from pat_events.core.record import Delivery

if TYPE_CHECKING:
    from confluent_kafka import Message

# For a header name that is not text the client's method returns a broken list and leaves the error
# behind. A method caller looks for it; a call the interpreter has specialised does not, and the
# error would come up anywhere.
_headers_of: Final = methodcaller("headers")


def delivery_of(message: Message) -> Delivery:
    """Return a message as a delivery."""
    try:
        headers = _headers_of(message) or ()
    # SystemError: a result and an error at once. UnicodeDecodeError: a client that only raises.
    except (UnicodeDecodeError, SystemError):
        # A header name that is not text cannot be read through this client, which must not be asked
        # twice. Without headers the record has no type, and becomes a dead letter.
        headers = ()
    return Delivery(
        message.topic(),  # type: ignore[arg-type]
        message.partition(),  # type: ignore[arg-type]
        message.offset(),  # type: ignore[arg-type]
        message.key(),
        message.value(),
        headers,
        message.timestamp()[1],
    )
