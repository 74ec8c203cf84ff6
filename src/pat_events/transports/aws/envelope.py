"""An event as AWS's buses carry it. Pure: a record and the catalogue in, text out.

**SQS and SNS**: the body (SQS ``MessageBody``, SNS ``Message``) is a CloudEvent 1.0 in structured
mode, JSON in UTF-8::

    {"specversion": "1.0", "id": "0199…", "source": "pat.smtp",
     "type": "pat.events.v1.EmailReceived", "time": "2026-11-28T01:02:03.000000004Z",
     "subject": "e-1", "correlationid": "0199…", "causationid": "…", "tenantid": "…",
     "traceparent": "00-…", "tracestate": "…",
     "datacontenttype": "application/json", "data": {"metadata": {…}, "email_id": "e-1", …}}

- Each ``ce_<name>`` header of the record is ``<name>``; ``subject`` is the key. The last five
  before ``datacontenttype`` are there only where the record has them.
- ``data`` is the event in Protobuf's JSON form with the field names of the schema: enums by name,
  64-bit integers as text, bytes as base64, what has its default left out. With ``data="base64"``
  it is ``data_base64`` instead: the payload as the codec wrote it, and ``datacontenttype`` is that
  codec's (``application/protobuf``, ``application/avro``).
- An event with a claim check has no ``data``: ``dataref`` says where the payload is,
  ``datareflength`` and ``datarefsha256`` what it has to be, and ``datacontenttype`` is its codec's.
- Characters that SQS refuses, which are few, are written as JSON's escapes.

Message attributes repeat what one wants to filter by, or to read before the body: ``content-type``
(``application/cloudevents+json``), ``ce_id``, ``ce_type``, ``ce_source``, and where they are there
``ce_tenantid``, ``traceparent``, ``tracestate``: Strings. Further headers that were given to
``publish`` are attributes of type Binary, as far as there are ten in all. In SQS the system
attribute ``AWSTraceHeader`` has the trace in X-Ray's form.

On a FIFO bus the group is the key, and the deduplication id the event's id. Where one of them has
more than 128 characters or others than ASCII's visible ones, it is its SHA-256 in hexadecimal
instead: read the key from ``subject``.

**EventBridge**: ``Detail`` is the event's JSON itself, as ``data`` above, so that rules and input
paths reach its fields as ``detail.email_id``; the CloudEvent's attributes are in one object beside
them, as several fields have the names of such attributes::

    {"metadata": {…}, "email_id": "e-1", …,
     "cloudevent": {"specversion": "1.0", "id": "0199…", "source": "pat.smtp", "type": "…",
                    "time": "…", "subject": "e-1", "correlationid": "0199…", …,
                    "datacontenttype": "application/json",
                    "headers": {"<name>": "<base64>"}}}

With a claim check the field of the key is all there is of the event, and ``dataref``,
``datareflength``, ``datarefsha256`` and the codec's ``datacontenttype`` are in ``cloudevent``.
``headers`` has what was given to ``publish``, and is there only if something was. ``Source`` and
``DetailType`` are the catalogue's, whatever ``cloudevent.source`` says: rules match them.
``Resources`` is the key, ``Time`` the event's time, ``TraceHeader`` the trace in X-Ray's form.
An event without ``cloudevent`` comes from elsewhere, such as a state machine: source and detail
type tell which of the catalogue it is.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, cast, get_args

# Loaded here: ``to_json`` loads it when it is called first, and the handler of a signal that
# publishes just then would find half of it.
from pat_events.codecs import json_form  # noqa: F401
from pat_events.codecs.json import to_json
from pat_events.codecs.table import media_type, reader_by_media_type
from pat_events.core import headers as h
from pat_events.core.shown import one_line
from pat_events.core.spelling import did_you_mean
from pat_events.core.trace_context import parse
from pat_events.errors import CodecError, ConfigError, SchemaError, UnknownEventError

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from pat_events.catalog.binding import Binding, EventTypes
    from pat_events.catalog.model import EventType
    from pat_events.core.record import HeaderValues
    from pat_events.transports.sending import Outgoing

DataForm: TypeAlias = Literal["json", "base64"]

#: The attribute that says where a payload is kept, if it is not with its event.
DATAREF: Final = h.CE_DATAREF.removeprefix("ce_")
#: Where the attributes are in the detail of EventBridge.
CLOUD_EVENT: Final = "cloudevent"
_CE: Final = "ce_"
_CE_LENGTH: Final = len(_CE)
_OWN: Final = frozenset({h.CONTENT_TYPE, h.TRACEPARENT, h.TRACESTATE})
#: Characters that SQS refuses, as XML 1.0 cannot carry them.
REFUSED: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SHOWN_MAX: Final = 100
# Without the spaces of the default, and text as UTF-8: a third of the size where it is not Latin.
# What is made here does not hold itself.
_encode: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":")
).encode


class Wrapped(NamedTuple):
    """What the parts of a message are made of."""

    event_type: EventType
    headers: HeaderValues
    attributes: dict[str, str]
    extra: dict[str, bytes]

    @property
    def subject(self) -> str:
        """The key as text; empty where there is none."""
        return self.attributes.get("subject", "")


def checked_data_form(data: str) -> DataForm:
    """Return how an event is to be in a body, as a setting says it.

    Raises:
        ConfigError: it is neither ``"json"`` nor ``"base64"``.
    """
    if data not in get_args(DataForm):
        raise ConfigError(f"data is {data!r}: use json or base64")
    return cast("DataForm", data)


class Envelopes:
    """Wraps records of a catalogue's events."""

    def __init__(self, types: EventTypes) -> None:
        self._types = types
        self._decoders: dict[tuple[bytes, str], Callable[[bytes], Message]] = {}

    def wrap(self, outgoing: Outgoing) -> Wrapped:
        """Return the attributes of a record.

        Raises:
            UnknownEventError: the catalogue does not have its type.
            SchemaError: a header of the envelope is no text.
        """
        headers: HeaderValues = (
            outgoing.headers if isinstance(outgoing.headers, dict) else dict(outgoing.headers)
        )
        event_type = self._binding(headers).event_type
        attributes: dict[str, str] = {}
        extra: dict[str, bytes] = {}
        try:
            for name, value in headers.items():
                if value is None:
                    continue
                if name.startswith(_CE):
                    attributes[name[_CE_LENGTH:]] = value.decode()
                elif name in _OWN:
                    if name != h.CONTENT_TYPE:
                        attributes[name] = value.decode()
                else:
                    extra[name] = value
        except UnicodeDecodeError as error:
            raise no_text(name, error) from error
        return Wrapped(event_type, headers, attributes, extra)

    def event_json(self, outgoing: Outgoing, wrapped: Wrapped) -> dict[str, Any]:
        """Return a record's event in JSON.

        Raises:
            SchemaError: the payload is not that of its type, or has no JSON form.
        """
        kind = media_type(wrapped.headers.get(h.CONTENT_TYPE))
        type_name = wrapped.headers[h.CE_TYPE] or b""
        decode = self._decoders.get((type_name, kind))
        try:
            if decode is None:
                message_class = self._types.by_full_name[type_name].message_class
                decode = reader_by_media_type(kind).decoder(message_class)
                self._decoders[type_name, kind] = decode
            return to_json(decode(outgoing.value or b""))
        except (CodecError, ConfigError) as error:
            raise SchemaError(f"{wrapped.event_type.name} has no JSON form: {error}") from error
        except reader_by_media_type(kind).decode_errors as error:
            text = one_line(str(error), _SHOWN_MAX)
            raise SchemaError(f"the payload is no {wrapped.event_type.name}: {text}") from error

    def _binding(self, headers: HeaderValues) -> Binding:
        type_name = headers.get(h.CE_TYPE) or b""
        binding = self._types.by_full_name.get(type_name)
        if binding is None:
            shown = one_line(type_name.decode(errors="replace"), _SHOWN_MAX)
            known = [name.decode() for name in self._types.by_full_name]
            raise UnknownEventError(
                f"the catalogue has no event type {shown!r}{did_you_mean(shown, known)}"
            )
        return binding

    def structured(self, outgoing: Outgoing, wrapped: Wrapped, form: DataForm) -> str:
        """Return the body of a message: a CloudEvent in structured mode."""
        body: dict[str, Any] = wrapped.attributes.copy()
        elsewhere = _elsewhere(outgoing, wrapped)
        if elsewhere is not None:
            body |= elsewhere
        elif form == "json":
            body["datacontenttype"] = "application/json"
            body["data"] = self.event_json(outgoing, wrapped)
        else:
            body["datacontenttype"] = media_type(wrapped.headers.get(h.CONTENT_TYPE))
            body["data_base64"] = base64.b64encode(outgoing.value or b"").decode()
        return json_text(body)

    def detail(self, outgoing: Outgoing, wrapped: Wrapped) -> str:
        """Return EventBridge's detail: the event's fields, and its attributes beside them."""
        elsewhere = _elsewhere(outgoing, wrapped)
        if elsewhere is None:
            elsewhere = {"datacontenttype": "application/json"}
            detail = self.event_json(outgoing, wrapped)
        else:
            detail = {wrapped.event_type.key: wrapped.subject}
        own: dict[str, Any] = wrapped.attributes | elsewhere
        if wrapped.extra:
            own["headers"] = {
                name: base64.b64encode(value).decode() for name, value in wrapped.extra.items()
            }
        detail[CLOUD_EVENT] = own
        return json_text(detail)


def _elsewhere(outgoing: Outgoing, wrapped: Wrapped) -> dict[str, str] | None:
    """Return what is said of a payload that is kept elsewhere; None where the record has it."""
    if outgoing.value or DATAREF not in wrapped.attributes:
        return None
    return {"datacontenttype": media_type(wrapped.headers.get(h.CONTENT_TYPE))}


def refuse_taken_field(types: EventTypes) -> None:
    """Refuse a catalogue with an event that has a field where EventBridge's attributes go.

    Raises:
        ConfigError: names the event.
    """
    for binding in types.by_full_name.values():
        if CLOUD_EVENT in binding.message_class.DESCRIPTOR.fields_by_name:
            raise ConfigError(
                f"{binding.event_type.name} has a field {CLOUD_EVENT!r}, under which EventBridge's "
                "events have the envelope: give it another name"
            )


def trace_header(headers: HeaderValues) -> str | None:
    """Return the trace in X-Ray's form; None where there is none."""
    trace = parse(headers.get(h.TRACEPARENT))
    if trace is None:
        return None
    _, trace_id, span_id, flags = trace.traceparent.decode().split("-")
    sampled = int(flags, 16) & 1
    return f"Root=1-{trace_id[:8]}-{trace_id[8:]};Parent={span_id};Sampled={sampled}"


def header_text(name: str, value: bytes) -> str:
    """Return the value of a header as text.

    Raises:
        SchemaError: it is none.
    """
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise no_text(name, error) from error


def no_text(name: str, error: UnicodeDecodeError) -> SchemaError:
    """Return what to raise where the value of a header is no text."""
    return SchemaError(f"header {name} is no text: {error.reason}")


def json_text(value: object) -> str:
    """Return JSON without what SQS refuses, where a rule of EventBridge may lead to as well."""
    text = _encode(value)
    # Of ASCII JSON escapes by itself what has to be; and to look costs 8 µs per kB.
    return text if text.isascii() else REFUSED.sub(_escape, text)


def _escape(character: re.Match[str]) -> str:
    # Inside a text of JSON: nowhere else is any but ASCII.
    return f"\\u{ord(character[0]):04x}"
