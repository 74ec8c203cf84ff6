"""Dead letters as lines of JSON that hold the whole record, and back."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from pat_events.core.record import Record
from pat_events.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pat_events.core.record import Header, Headers
    from pat_events.ops.letters.letter import Letter

_BASE64: Final = "_base64"
_DIGEST_BYTES: Final = 16


def line_of(letter: Letter) -> dict[str, Any]:
    """Return a letter as values JSON can hold.

    ``key``, ``value`` and the values of headers are text, or base64 under ``key_base64`` and so on
    where they are no text that can be seen. ``cause`` repeats what the headers tell, for readers.
    """
    delivery, cause = letter
    return {
        "topic": delivery.topic,
        "partition": delivery.partition,
        "offset": delivery.offset,
        "timestamp_ms": delivery.timestamp_ms,
        "cause": {
            "reason": cause.reason,
            "error_class": cause.error_class,
            "message": cause.message,
            "group": cause.group,
            "handler": cause.handler,
            "came_from": None if cause.origin is None else str(cause.origin),
            "failed_ms": letter.failed_ms,
        },
        **_named("key", delivery.key),
        "headers": [{"name": name, **_named("value", value)} for name, value in delivery.headers],
        **_named("value", delivery.value),
    }


def record_of(line: bytes, topic: str, now_ms: int) -> Record:
    """Return the record that a line holds, for a dead-letter topic.

    Its time is the one given: retention counts from it, and an old letter would be deleted at once.

    Raises:
        SchemaError: it is no such line; says why.
    """
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"not JSON: {error}") from None
    if not isinstance(told, dict) or not isinstance(told.get("headers"), list):
        raise SchemaError("no letter: an exported one has a list of headers")
    headers = [_header(it) for it in told["headers"]]
    return Record(topic, _bytes(told, "key"), _bytes(told, "value"), headers, now_ms)


def digest_of(key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    """Return by what a letter is known again, wherever and whenever it was written."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    parts = [key, value]
    for name, content in headers:
        parts += [name.encode(errors="surrogatepass"), content]
    for part in parts:
        # The length first, so that no two lists of parts are one.
        digest.update(b"-" if part is None else b"%d:" % len(part))
        digest.update(part or b"")
    return digest.digest()


def _named(name: str, content: bytes | None) -> dict[str, str | None]:
    if content is None:
        return {name: None}
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if text.replace("\n", "").replace("\t", "").isprintable():
        return {name: text}
    return {f"{name}{_BASE64}": base64.b64encode(content).decode()}


def _header(told: Any) -> Header:  # noqa: ANN401 -- whatever JSON holds
    if not isinstance(told, dict) or not isinstance(told.get("name"), str):
        raise SchemaError("a header has no name")
    name: str = told["name"]
    try:
        name.encode()
    except UnicodeEncodeError:
        raise SchemaError(f"the name of header {name!r} is no text") from None
    return name, _bytes(told, "value")


def _bytes(told: Mapping[str, Any], name: str) -> bytes | None:
    encoded, text = told.get(f"{name}{_BASE64}"), told.get(name)
    if encoded is None and text is None:
        # A line that was written by hand must not lose what it means to have.
        if name in told:
            return None
        raise SchemaError(f"{name} is missing: give null where there is none")
    if encoded is not None and text is not None:
        raise SchemaError(f"both {name} and {name}{_BASE64} are there")
    try:
        if encoded is not None:
            return base64.b64decode(encoded, validate=True)
        if isinstance(text, str):
            return text.encode()
    except (binascii.Error, TypeError, ValueError) as error:
        raise SchemaError(f"{name} cannot be read: {error}") from None
    raise SchemaError(f"{name} is neither text nor null")
