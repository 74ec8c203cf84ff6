"""From the body of a message to the event in it: what AWS's services wrapped around it. Pure.

A body is

- what our own senders write, or anybody's CloudEvent in structured mode: taken as it is;
- SNS's envelope of such a message, ``{"Type": "Notification", "Message": "…",
  "MessageAttributes": {…}}``, where raw message delivery is off: the message, and its attributes
  as headers;
- an event of EventBridge, ``{"detail-type": "…", "source": "…", "detail": {…}}``: a CloudEvent in
  structured mode with the detail as ``data``. The attributes are those of ``detail.cloudevent``
  (see ``envelope``); where there is none, as of a state machine's events, source and detail type
  tell which event of the catalogue it is. A replay's name is the header ``replay-name``;
- both, where a rule sends to a topic of SNS;
- a dead letter of ours (see ``letters``): the record as it was, with its cause in the headers;
- or foreign: taken as it is, whatever it is. No handler gets it, as it has no type.

Nothing in here raises for what a body holds: whoever looks for its handler refuses what is
malformed, with the limits of any other CloudEvent.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pat_events.codecs.json import parse_json
from pat_events.codecs.structured import MEDIA_TYPE
from pat_events.core import headers as h
from pat_events.errors import CodecError
from pat_events.transports.aws.envelope import CLOUD_EVENT, DATAREF
from pat_events.transports.aws.letters import MEDIA_TYPE as LETTER_MEDIA_TYPE
from pat_events.transports.aws.letters import read_letter

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.catalog.model import Catalog, EventType
    from pat_events.core.record import Header

    #: From a body and its headers to those of the event in it.
    Unwrap: TypeAlias = Callable[[str, list[Header]], tuple[bytes | None, list[Header]]]

_STRUCTURED: Final = (h.CONTENT_TYPE, MEDIA_TYPE.encode())
_LETTER: Final = (h.CONTENT_TYPE, LETTER_MEDIA_TYPE.encode())
_HEADERS: Final = "headers"


class Unwrapping:
    """Unwraps the bodies of messages; an ``Unwrap``.

    Args:
        catalog: Has the events which one of EventBridge without a CloudEvent's attributes is
            looked for among; None where all have them.
    """

    def __init__(self, catalog: Catalog | None) -> None:
        known = () if catalog is None else catalog.events.values()
        self._by_rule: dict[tuple[str, str], EventType] = {
            (each.source, each.detail_type): each for each in known
        }

    def __call__(self, body: str, headers: list[Header]) -> tuple[bytes | None, list[Header]]:
        """Return the value and the headers of the event in a body."""
        value = body.encode(errors="surrogatepass")
        if _LETTER in headers:
            return read_letter(value) or (value, headers)
        if any(name in (h.CONTENT_TYPE, h.CE_TYPE) for name, _ in headers):
            return value, headers  # A sender's attributes: nothing was wrapped around it.
        envelope = _object(value)
        if envelope.get("Type") == "Notification" and isinstance(envelope.get("Message"), str):
            value = envelope["Message"].encode(errors="surrogatepass")
            headers = [*headers, *sns_headers(envelope.get("MessageAttributes"))]
            if any(name in (h.CONTENT_TYPE, h.CE_TYPE) for name, _ in headers):
                return value, headers
            envelope = _object(value)
        return self.unwrap_event(envelope, headers) or (value, headers)

    def unwrap_event(
        self, envelope: dict[str, Any], headers: list[Header]
    ) -> tuple[bytes, list[Header]] | None:
        """Return value and headers of an event of EventBridge; None if it is none of ours."""
        detail, source = envelope.get("detail"), envelope.get("source")
        detail_type = envelope.get("detail-type")
        if not (
            isinstance(detail, dict) and isinstance(source, str) and isinstance(detail_type, str)
        ):
            return None
        data = dict(detail)
        added: list[Header] = []
        if CLOUD_EVENT in data:
            attributes = data.pop(CLOUD_EVENT)
            # What is no object has no attributes, which is said of it where it is read.
            attributes = dict(attributes) if isinstance(attributes, dict) else {}
            added = _decoded(attributes.get(_HEADERS))
            if added:
                del attributes[_HEADERS]
        else:
            event_type = self._by_rule.get((source, detail_type))
            if event_type is None:
                return None
            attributes = _attributes(envelope, data, event_type)
        replay = envelope.get(h.REPLAY_NAME)
        if isinstance(replay, str):
            added.append((h.REPLAY_NAME, replay.encode(errors="replace")))
        try:
            # All of it is elsewhere where the attributes say so; what is here is for rules.
            event = attributes if DATAREF in attributes else {**attributes, "data": data}
            # Not larger than it came: escapes would double what is not Latin.
            text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        except (ValueError, RecursionError):
            return None
        return text.encode(errors="surrogatepass"), [*headers, *added, _STRUCTURED]


def _object(value: bytes) -> dict[str, Any]:
    """Return the object that a text of JSON is; an empty one if it is none."""
    if not value.lstrip(b" \t\r\n").startswith(b"{"):
        return {}
    try:
        parsed = parse_json(value)
    except CodecError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def sns_headers(attributes: object) -> list[Header]:
    """Return the message attributes in an envelope of SNS, as far as they are such."""
    found: list[Header] = []
    for name, attribute in attributes.items() if isinstance(attributes, dict) else ():
        text = attribute.get("Value") if isinstance(attribute, dict) else None
        if not isinstance(text, str) or not _is_utf8(name):
            continue
        if attribute.get("Type") != "Binary":
            found.append((name, text.encode(errors="surrogatepass")))
        elif (value := _from_base64(text)) is not None:
            found.append((name, value))
    return found


def _decoded(headers: object) -> list[Header]:
    """Return what was given to ``publish``; nothing unless all of it can be read."""
    found: list[Header] = []
    for name, text in headers.items() if isinstance(headers, dict) else ():
        value = _from_base64(text) if isinstance(text, str) else None
        if value is None or not _is_utf8(name):
            return []
        found.append((name, value))
    return found


def _is_utf8(name: str) -> bool:
    # Half a character, which JSON can name, can be no header's.
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _attributes(
    envelope: dict[str, Any], data: dict[str, Any], event_type: EventType
) -> dict[str, Any]:
    """Return the attributes of an event that came without, from what it has instead."""
    metadata = data.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    found = {
        "specversion": "1.0",
        "id": metadata.get("event_id") or envelope.get("id"),
        "source": event_type.source,
        "type": event_type.full_name,
        "time": envelope.get("time"),
        "subject": data.get(event_type.key),
        "correlationid": metadata.get("correlation_id"),
        "tenantid": metadata.get("tenant_id"),
    }
    return {name: value for name, value in found.items() if value and isinstance(value, str)}
