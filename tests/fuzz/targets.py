"""What is fuzzed: each target makes an input of a seed, and says what may come of it.

A target raises for what must not happen: an error that is not typed, a text that passes for a
line of ours, an event that a strict reader refuses.
"""

from __future__ import annotations

import base64
import io
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.any_pb2 import Any
from rich.console import Console

from pat_events import Handlers, events
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.cli import dlq, shown_records
from pat_events.codecs.avro.codec import AvroCodec
from pat_events.codecs.avro.twin import Twins
from pat_events.codecs.json import from_json, to_json
from pat_events.codecs.protobuf import ProtobufCodec
from pat_events.consumer.routes import Route, Routes
from pat_events.core import dead_letter as letters
from pat_events.core.envelope import read_envelope
from pat_events.core.record import Delivery
from pat_events.core.shown import one_line
from pat_events.demo.mail import email_received, samples
from pat_events.errors import CatalogError, CodecError, PatEventsError, UnknownEventError
from pat_events.ops.json_records import record_as_json
from pat_events.ops.letters.showing import StoredLetter
from pat_events.ops.written_events import events_from_json
from tests.fuzz.mutation import mutate
from tests.fuzz.samples import filled, read_avro_strictly
from tests.support.catalogs import SHOP, parse
from tests.support.cloud_events import BY_SDK, structured
from tests.support.payloads import encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

CATALOG = load_catalog()
TYPES = EventTypes(CATALOG)
CLASSES = [binding.message_class for binding in TYPES.by_full_name.values()]
PROTOBUF, AVRO = ProtobufCodec(), AvroCodec.shared()
MAX_TEXT = 2_000
MAX_EVENT_BYTES = 100_000


def short(error: PatEventsError) -> None:
    """Require what is said of an input to be one line, and no copy of the input."""
    assert len(str(error)) <= MAX_TEXT, f"a message of {len(str(error))} characters"
    assert len(str(error).splitlines()) <= 1, f"a message of several lines: {error}"


# --- payloads


TIMESTAMP = b"type.googleapis.com/google.protobuf.Timestamp"
ANY = b"type.googleapis.com/google.protobuf.Any"


def nested_any(depth: int) -> bytes:
    inner = Any()
    for _ in range(depth):
        outer = Any()
        outer.Pack(inner)
        inner = outer
    return inner.SerializeToString()


def payload(codec: ProtobufCodec | AvroCodec) -> Callable[[Random], tuple[type, bytes]]:
    corpora = [(cls, [encode(codec, filled(cls)), encode(codec, cls())]) for cls in CLASSES]
    tokens = [b"\x01", b"\x03", b"\xff" * 9 + b"\x01", b"\x80", TIMESTAMP, ANY, nested_any(400)]
    output = events.PluginExecutionCompleted()
    for value in (b"\xff", nested_any(400), nested_any(3)):
        output.output_data.type_url, output.output_data.value = ANY.decode(), value
        dict(corpora)[type(output)].append(encode(codec, output))

    def make(rng: Random) -> tuple[type, bytes]:
        cls, corpus = rng.choice(corpora)
        return cls, mutate(rng, corpus, tokens)

    return make


def shown(event: object) -> None:
    try:
        obj = to_json(event)
    except CodecError as error:
        short(error)
    else:
        json.dumps(obj, indent=2)
        with suppress(CodecError):
            from_json(type(event), obj)


def decode_protobuf(made: tuple[type, bytes]) -> None:
    cls, data = made
    try:
        event = PROTOBUF.decoder(cls)(data)
    except PROTOBUF.decode_errors:
        return
    shown(event)


TWINS = Twins()
AVRO_NAMES = {cls: TWINS.of(cls.DESCRIPTOR).name for cls in CLASSES}


def decode_avro(made: tuple[type, bytes]) -> None:
    cls, data = made
    try:
        event = AVRO.decoder(cls)(data)
    except CodecError as error:
        short(error)
        return
    read_avro_strictly(AVRO_NAMES[cls], TWINS.definitions, io.BytesIO(data))
    shown(event)


# --- headers, envelope, dead letters


FORGED = b"x\n== pat-emails.g.dlq/0/7\nreason     forged\x1b[31m\r"
HANDLERS = Handlers()
HANDLERS.add(events.EmailReceived, lambda event, ctx: None)
ROUTES = Routes(HANDLERS, TYPES, 1_000_000)
VALUES = [
    b"pat.events.v1.EmailReceived",
    b"pat.events.v1.PluginExecutionCompleted",
    b"application/protobuf; x=y",
    b"application/avro",
    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    b"congo=t61rcWkgMzE",
    b"2026-11-02T08:00:00Z",
    b"1793606400000",
    FORGED,
]
NAMES = [
    *(f"ce_{name}".encode() for name in ("id", "type", "source", "time", "subject", "specversion")),
    *(b"content-type", b"traceparent", b"tracestate", b"ce_correlationid", FORGED),
    *(f"__dlq.errors.{name}".encode() for name in ("topic", "partition", "offset", "message")),
    *(f"pat-dlq-{name}".encode() for name in ("reason", "attempts", "error-class", "stacktrace")),
    *(f"pat-dlq-{name}-ms".encode() for name in ("timestamp", "first-failed", "last-failed")),
]
HEADER_TOKENS = [b"\n== ", "\u2028".encode(), "\u200e".encode(), b"\x85", b"9", b"-", b";", b"\xff"]


def make_record(rng: Random) -> tuple[object, ...]:
    headers = []
    for _ in range(rng.choice((1, 8, 20, 20, 150))):
        name, value = rng.choice(NAMES), rng.choice(VALUES)
        if not rng.randrange(4):
            name = mutate(rng, [name], HEADER_TOKENS)[:5_000]
        if not rng.randrange(3):
            value = rng.choice((None, mutate(rng, [value], HEADER_TOKENS)[:5_000]))
        headers.append((name.decode(errors="replace"), value))
    value = mutate(rng, [filled(events.EmailReceived).SerializeToString()], HEADER_TOKENS)
    return "pat-emails", 0, 41, rng.choice(VALUES), value, headers, 1


def read_record(made: tuple[object, ...]) -> None:
    delivery = Delivery(*made)
    found = ROUTES.find(delivery)
    if isinstance(found, PatEventsError):
        assert len(one_line(str(found))) <= MAX_TEXT
    read_envelope(delivery)
    error = ValueError(str(delivery.headers))
    cause = letters.Cause("g", "h", "rejected", error, 1, 1, 1)
    letter = letters.dead_letter(delivery, "pat-emails.g.dlq", cause)
    grown = sum(len(name) + len(value or b"") for name, value in letter.headers)
    assert grown <= sum(len(n) + len(v or b"") for n, v in delivery.headers) + 8_000
    record = record_as_json(TYPES, delivery)
    assert one_line(json.dumps(record, ensure_ascii=False)).isprintable()
    out = io.StringIO()
    before, shown_records.console = shown_records.console, Console(file=out, highlight=False)
    try:
        stored = letters.read_cause(delivery.header_values)
        dlq._show(StoredLetter(delivery.position, stored, record))
    finally:
        shown_records.console = before
    lines = out.getvalue().splitlines()
    headings = [line for line in lines if line.startswith(("==", "reason"))]
    assert len(headings) == 2, f"a letter with the headings {headings}"
    assert "\x1b" not in out.getvalue()


# --- CloudEvents in structured mode


STRUCTURED_TOKENS = [
    *(b'{"a":', b"[", b"NaN", b"1e400", b"null", b'"\\ud800"', b"\xff", b"{}", b"true", b"7"),
    *(b'"type": "pat.events.v1.EmailDeleted",', b'"data":', b'"data_base64":', b'"\\u2028"'),
    *(b"application/avro", b"application/json", b"application/cloudevents+json", b"9" * 5_000),
]
STRUCTURED_CORPUS = [value for value, _ in BY_SDK.values()] + [
    structured(data=to_json(filled(events.EmailReceived))),
    *(
        structured(
            data=None,
            data_base64=base64.b64encode(AVRO.encoder(cls)(filled(cls))).decode(),
            type=cls.DESCRIPTOR.full_name,
            datacontenttype="application/avro",
        )
        for cls in (events.EmailReceived, events.PluginExecutionCompleted)
    ),
]


def make_structured(rng: Random) -> tuple[object, ...]:
    value = mutate(rng, STRUCTURED_CORPUS, STRUCTURED_TOKENS)
    kind = rng.choice((b"application/cloudevents+json", b"application/json", b"Application/CloudE"))
    headers = rng.choice(([], [("content-type", kind)], [("ce_type", VALUES[0])]))
    return "pat-emails", 0, 41, b"k", value, headers, 1


def read_structured(made: tuple[object, ...]) -> None:
    delivery = Delivery(*made)
    found = ROUTES.find(delivery)
    if isinstance(found, Route):
        try:
            shown(found.decode(delivery.value))
        except (CodecError, *PROTOBUF.decode_errors) as error:
            short(found.undecodable(delivery, error))
    elif found is not None:
        short(found)
    read_record(made)


# --- text that people write


JSON_TOKENS = [
    *(
        b'{"protocol": 1e400}',
        b'"\\ud800"',
        b"1e400",
        b"NaN",
        b"null",
        b"[",
        b'{"a":',
        b"\xe2\x80\xa8",
    ),
    *(
        b'{"@type": "' + TIMESTAMP + b'"}',
        b'{"@type": 5}',
        b'"@type"',
        b"\n",
        b"-",
        b"9",
        b'"',
        b"x",
    ),
    *(b'"protocol": 1e400', b'"protocol": "\\ud800"'),
]
JSON_CORPUS = [
    json.dumps(to_json(filled(cls)), ensure_ascii=False).encode()
    for cls in (events.EmailReceived, events.PluginExecutionCompleted)
]


def make_json(rng: Random) -> tuple[str, str]:
    which = rng.randrange(len(JSON_CORPUS))
    name = ("EmailReceived", "PluginExecutionCompleted")[which]
    corpus = [JSON_CORPUS[which]]
    return name, mutate(rng, corpus, JSON_TOKENS).decode(errors="surrogateescape")


def read_json(made: tuple[str, str]) -> None:
    try:
        list(events_from_json(TYPES, *made))
    except (CodecError, UnknownEventError, PatEventsError) as error:
        short(error)


CATALOG_TEXT = SHOP.replace("60}", "60, fifo: false}").encode()
YAML_TOKENS = [
    *(
        b'!!int ""',
        b'!!float ""',
        b"!!timestamp foo",
        b"!!bool maybe",
        b"? !!str {a: b}",
        b"!!set ",
    ),
    *(b"3.0", b"012", b"1:30", b"1_0", b"0b11", b"0x", b"f", b'"\\UFFFFFFFF"', b'"a\\n"', b"1e400"),
    *(
        b"&a ",
        b"*a",
        b"<<: ",
        b"? ",
        b"- ",
        b"[",
        b"{",
        b": ",
        b"#",
        b"|\n",
        b"---\n",
        b"%YAML 1.1\n",
    ),
]


def make_catalog(rng: Random) -> str:
    text = CATALOG_TEXT
    if rng.randrange(2):  # A value replaced whole, which leaves the rest of the file sound.
        words = re.findall(rb"[\w.]+", text)
        text = text.replace(rng.choice(words), rng.choice(YAML_TOKENS), 1)
    else:
        text = mutate(rng, [text], YAML_TOKENS)
    return text.decode(errors="replace")


def read_catalog(text: str) -> None:
    try:
        catalog = parse(text)
    except CatalogError as error:
        for problem in error.problems:
            assert problem[0].isdigit(), f"a problem without a line: {problem}"
            assert len(problem) <= MAX_TEXT
            assert len(problem.splitlines()) == 1
        return
    for topic in catalog.topics.values():
        assert type(topic.partitions) is int, f"partitions are {topic.partitions!r}"
        assert str(topic.partitions) in text, f"partitions are {topic.partitions}"
    names = [catalog.package, catalog.python_module, *catalog.topics, *catalog.groups]
    assert all(name.isprintable() for name in names), f"names are {names!r}"


# --- e-mail


MAIL_TOKENS = [
    *(
        b"=?utf-8?q?a?= ",
        b"=?punycode?q?a-b0?=",
        b"; a*1=utf-8''x",
        b"; p=x",
        b"a@b.c, ",
        b"(",
        b'"',
    ),
    *(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
        b"Content-Type: message/rfc822\r\n\r\n",
    ),
    *(
        b"charset=punycode",
        b"charset=idna",
        b"Subject: ",
        b"To: ",
        b"Date: ",
        b"\r\n",
        b"\r\n\r\n",
        b"\xff",
    ),
    *(
        b"Received: from [1.2.3.4] by x; Mon, 2 Nov 2026 08:00:00 +0000\r\n",
        b"a.",
        b"\\",
        b"<",
        b":",
        b",",
    ),
]
MAILS = samples()


def make_mail(rng: Random) -> bytes:
    return mutate(rng, MAILS, MAIL_TOKENS)


def read_mail(raw: bytes) -> None:
    event = email_received(raw, MAX_EVENT_BYTES)
    assert event.ByteSize() <= MAX_EVENT_BYTES
    assert type(event).FromString(event.SerializeToString()) == event


class Target(NamedTuple):
    """How an input is made and checked, and how many take about half a second."""

    make: Callable[[Random], object]
    check: Callable[..., None]
    inputs: int


TARGETS = {
    "protobuf": Target(payload(PROTOBUF), decode_protobuf, 5_000),
    "avro": Target(payload(AVRO), decode_avro, 5_000),
    "records": Target(make_record, read_record, 150),
    "structured": Target(make_structured, read_structured, 150),
    "json": Target(make_json, read_json, 3_000),
    "catalogue": Target(make_catalog, read_catalog, 400),
    "mail": Target(make_mail, read_mail, 300),
}
