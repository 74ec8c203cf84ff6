"""What is wrong with what ``publish`` was given: asked where it failed, for asking costs time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from pat_events.core import headers as h
from pat_events.core.checks import wrong_type
from pat_events.core.envelope import Envelope
from pat_events.errors import ConfigError, SchemaError

if TYPE_CHECKING:
    from pat_events.errors import PatEventsError


def raise_explained(
    error: Exception,
    event: object,
    caused_by: object,
    correlation_id: object,
    tenant_id: object,
    headers: object,
) -> NoReturn:
    """Raise what to say instead of an error that an argument has led to, or that.

    Raises:
        SchemaError: a text of the event or of an argument is none that UTF-8 can encode.
        ConfigError: an argument is of a wrong type; names it.
    """
    why = _explained(error, event, caused_by, correlation_id, tenant_id, headers)
    if why is None:
        raise error
    raise why from error


def _explained(
    error: Exception,
    event: object,
    caused_by: object,
    correlation_id: object,
    tenant_id: object,
    headers: object,
) -> PatEventsError | None:
    if isinstance(error, UnicodeEncodeError):
        return SchemaError(f"{type(event).__name__}: {error.object!r} is no text: {error.reason}")
    for name, text in (("correlation_id", correlation_id), ("tenant_id", tenant_id)):
        if not isinstance(text, str | None):
            return wrong_type(name, text, "text (str)")
    if not isinstance(caused_by, Envelope | None):
        return wrong_type("caused_by", caused_by, "an Envelope, such as ctx.envelope")
    if not isinstance(headers, Mapping | None):
        # Their values may be secrets: they are not repeated.
        return ConfigError(
            f"headers is of type {type(headers).__name__}: give a mapping of names to bytes"
        )
    return None


def check_headers(headers: Mapping[str, bytes]) -> None:
    """Refuse further headers that no record can have beside the envelope.

    Raises:
        ConfigError: a name is no text or the envelope's, or a value is not bytes; names it.
    """
    for name, value in headers.items():
        # Anything else ends the process inside the client, or is cut there.
        if not _is_text(name):
            raise ConfigError(
                f"header name {name!r} is refused: use text that UTF-8 can encode, not empty and "
                "without NUL"
            )
        if name in h.RESERVED or name.startswith(h.RESERVED_PREFIXES):
            raise ConfigError(f"header {name!r} belongs to the envelope: choose another name")
        if not isinstance(value, bytes):
            raise ConfigError(
                f"header {name!r} is of type {type(value).__name__}: use bytes, such as "
                "text.encode()"
            )


def _is_text(name: object) -> bool:
    try:
        return isinstance(name, str) and name.encode() != b"" and "\0" not in name
    except UnicodeEncodeError:
        return False
