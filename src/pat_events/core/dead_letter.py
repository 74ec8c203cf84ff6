"""A dead letter: the record as it was, and why it could not be handled."""

from __future__ import annotations

import hashlib
import traceback
from typing import TYPE_CHECKING, Final, NamedTuple

from pat_events.core import headers as h
from pat_events.core.foreign_letters import foreign_cause
from pat_events.core.headers import KIP_1191_PREFIX, OF_LETTERS, OWN_PREFIX
from pat_events.core.record import Position, Record
from pat_events.core.stored_cause import StoredCause

if TYPE_CHECKING:
    from pat_events.core.record import Delivery, Header, Headers, HeaderValues

# Text a handler produced goes into headers, so it is cut: an exception with a
# payload in its message must not make the dead letter larger than the broker takes.
MAX_MESSAGE_BYTES: Final = 1_000
MAX_CLASS_BYTES: Final = 300
MAX_STACK_BYTES: Final = 4_000

_TOPIC: Final = f"{KIP_1191_PREFIX}topic"
_PARTITION: Final = f"{KIP_1191_PREFIX}partition"
_OFFSET: Final = f"{KIP_1191_PREFIX}offset"
_GROUP: Final = f"{KIP_1191_PREFIX}group"
_DELIVERY_COUNT: Final = f"{KIP_1191_PREFIX}delivery.count"
_MESSAGE: Final = f"{KIP_1191_PREFIX}message"
#: Header of every dead letter: why it was given up.
REASON: Final = f"{OWN_PREFIX}reason"
_ATTEMPTS: Final = f"{OWN_PREFIX}attempts"
_HANDLER: Final = f"{OWN_PREFIX}handler"
_ERROR_CLASS: Final = f"{OWN_PREFIX}error-class"
_ROOT_CAUSE_CLASS: Final = f"{OWN_PREFIX}root-cause-class"
_STACKTRACE: Final = f"{OWN_PREFIX}stacktrace"
_VALUE_BYTES: Final = f"{OWN_PREFIX}value-bytes"
_VALUE_SHA256: Final = f"{OWN_PREFIX}value-sha256"
_MESSAGE_ID: Final = f"{OWN_PREFIX}message-id"
_TIMESTAMP_MS: Final = f"{OWN_PREFIX}timestamp-ms"
_FIRST_FAILED_MS: Final = f"{OWN_PREFIX}first-failed-ms"
_LAST_FAILED_MS: Final = f"{OWN_PREFIX}last-failed-ms"
_REPLAYS: Final = f"{OWN_PREFIX}replays"
#: Headers that tell of a value which was too large for a letter.
OF_A_VALUE: Final = (_VALUE_BYTES, _VALUE_SHA256)

#: No letter is replayed as often: more is a stranger's.
MAX_REPLAYS: Final = 1_000_000


class Cause(NamedTuple):
    """Why an event is given up. Times are milliseconds since 1970.

    ``replays`` is how often its letters were replayed before.
    """

    group: str
    handler: str
    reason: str
    error: BaseException
    attempts: int
    first_failed_ms: int
    last_failed_ms: int
    replays: int = 0


def dead_letter(delivery: Delivery, topic: str, cause: Cause) -> Record:
    """Return the record to write to the dead-letter topic.

    Key, value and headers are the original's bytes; headers of an earlier life as a dead letter,
    and of its replay, are replaced. Its time is that of the last failure, and the original's is
    in a header: a topic's retention counts from the time of a record, so the letter of an old
    event would be deleted as soon as it is written.
    """
    headers: list[Header] = [
        (key, value) for key, value in delivery.headers if not key.startswith(OF_LETTERS)
    ]
    headers.extend(_cause_headers(delivery, cause))
    return Record(topic, delivery.key, delivery.value, headers, cause.last_failed_ms)


def without_value(letter: Record) -> Record:
    """Return a dead letter that tells its value's size and SHA-256 instead of holding it.

    For a letter that is too large to be sent. The value stays at the origin that its cause names,
    for as long as that topic keeps it. Key and headers of the record are left out as well where
    they are beyond what a consumer reads: what is left then is some 6 kB at most.
    """
    cause: list[Header] = []
    own: list[Header] = []
    for header in letter.headers:
        is_cause = header[0].startswith((KIP_1191_PREFIX, OWN_PREFIX))
        (cause if is_cause else own).append(header)
    key = letter.key
    if h.size_bytes(own) + len(key or b"") > h.MAX_HEADER_BYTES:
        key, own = None, []
    value = letter.value or b""
    told = [
        (_VALUE_BYTES, b"%d" % len(value)),
        (_VALUE_SHA256, hashlib.sha256(value).hexdigest().encode()),
    ]
    return letter._replace(key=key, value=None, headers=[*own, *cause, *told])


def _cause_headers(delivery: Delivery, cause: Cause) -> Headers:
    error = cause.error
    message_id = delivery.position.message_id
    if message_id:
        place = {_MESSAGE_ID: message_id}
    else:
        place = {_PARTITION: str(delivery.partition), _OFFSET: str(delivery.offset)}
    fields = {
        _TOPIC: delivery.topic,
        **place,
        _GROUP: cause.group,
        _DELIVERY_COUNT: str(cause.attempts),
        _MESSAGE: message_of(error),
        REASON: cause.reason,
        _ATTEMPTS: str(cause.attempts),
        _HANDLER: cause.handler,
        _ERROR_CLASS: class_of(error),
        _ROOT_CAUSE_CLASS: class_of(root_cause(error)),
        _STACKTRACE: _end_of_stack(error),
        _TIMESTAMP_MS: str(delivery.timestamp_ms),
        _FIRST_FAILED_MS: str(cause.first_failed_ms),
        _LAST_FAILED_MS: str(cause.last_failed_ms),
    }
    if cause.replays:
        fields[_REPLAYS] = str(cause.replays)
    return [(key, value.encode(errors="replace")) for key, value in fields.items()]


def read_cause(values: HeaderValues) -> StoredCause:
    """Read the cause from a dead letter's headers, whoever wrote it; never raises."""
    if REASON not in values:
        foreign = foreign_cause(values)
        if foreign is not None:
            return foreign
    return StoredCause(
        origin=origin_of(values),
        group=h.text(values, _GROUP) or "",
        handler=h.text(values, _HANDLER) or "",
        reason=h.text(values, REASON) or "",
        error_class=h.text(values, _ERROR_CLASS) or "",
        root_cause_class=h.text(values, _ROOT_CAUSE_CLASS) or "",
        message=h.text(values, _MESSAGE) or "",
        stacktrace=h.text(values, _STACKTRACE) or "",
        attempts=h.number(values, _ATTEMPTS) or 0,
        timestamp_ms=h.number(values, _TIMESTAMP_MS, h.MAX_MS) or 0,
        first_failed_ms=h.number(values, _FIRST_FAILED_MS, h.MAX_MS) or 0,
        last_failed_ms=h.number(values, _LAST_FAILED_MS, h.MAX_MS) or 0,
        value_bytes=h.number(values, _VALUE_BYTES) or 0,
        value_sha256=h.text(values, _VALUE_SHA256) or "",
        replays=replays_of(values),
    )


def replays_of(values: HeaderValues) -> int:
    """Return how often letters of this event were replayed, as a dead letter tells."""
    return h.number(values, _REPLAYS, MAX_REPLAYS) or 0


def origin_of(values: HeaderValues) -> Position | None:
    """Return where a dead letter came from; None where it does not tell."""
    topic = h.text(values, _TOPIC)
    partition, offset = h.number(values, _PARTITION), h.number(values, _OFFSET)
    message_id = h.text(values, _MESSAGE_ID)
    if topic and message_id:
        return Position(topic, message_id=message_id)
    if not topic or partition is None or offset is None:
        return None
    return Position(topic, partition, offset)


def message_of(error: BaseException) -> str:
    """Return the text of an error, cut to ``MAX_MESSAGE_BYTES``; never raises."""
    try:
        return _beginning(f"{error}", MAX_MESSAGE_BYTES)
    except BaseException as unreadable:  # noqa: BLE001 - a handler's own class, with any fault
        return f"(its text cannot be read: {class_of(unreadable)})"


def class_of(error: BaseException) -> str:
    """Return the class of an error with its module, cut to ``MAX_CLASS_BYTES``; never raises."""
    kind = type(error)
    try:
        return _beginning(f"{kind.__module__}.{kind.__qualname__}", MAX_CLASS_BYTES)
    except BaseException:  # noqa: BLE001 - a metaclass decides what its names are
        return "(its name cannot be read)"


def _beginning(text: str, most_bytes: int) -> str:
    # The methods of str itself: what __str__ returned may be of a subclass.
    return str.encode(text, errors="replace")[:most_bytes].decode(errors="ignore")


def root_cause(error: BaseException) -> BaseException:
    """Return what an error was raised from in the end; itself where it was raised from nothing."""
    # "raise a from b" inside the handling of a from b makes a ring.
    seen = set[int]()
    while id(error) not in seen:
        seen.add(id(error))
        try:
            cause = error.__cause__
        except BaseException:  # noqa: BLE001 - a property of its own
            break
        if not isinstance(cause, BaseException):
            break
        error = cause
    return error


def _end_of_stack(error: BaseException) -> str:
    # The end of a stack names the error and the line, the beginning only how it was called.
    try:
        stack = "".join(traceback.format_exception(error)).encode(errors="replace")
    except BaseException as unreadable:  # noqa: BLE001 - as above
        return f"(its stack cannot be read: {class_of(unreadable)})"
    return stack[-MAX_STACK_BYTES:].decode(errors="ignore")
