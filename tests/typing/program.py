"""A service as its author writes it: read by type checkers, run by nobody.

A line that ends in ``# refused`` is one that each of them has to find an error in, and no other.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, assert_type

from google.protobuf.message import Message

import pat_events
from pat_events import (
    Ack,
    AwsConfig,
    BufferFullError,
    Catalog,
    Config,
    ConsumerGroup,
    ConsumerStats,
    Context,
    EventBridge,
    Handlers,
    KafkaConfig,
    KafkaTransport,
    NotDeliveredError,
    Order,
    Position,
    Producer,
    RetryPolicy,
    Sns,
    Sqs,
    Start,
    TransientError,
    Transport,
    load_catalog,
)
from pat_events.events import EmailDeleted, EmailProcessed, EmailReceived
from pat_events.testing import context
from pat_events.transports.memory import MemoryBroker, MemoryTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

handlers = Handlers()


# A handler stays what it is.


@handlers.on(EmailReceived)
def plain(event: EmailReceived, ctx: Context) -> None:
    assert_type(ctx.publish(EmailProcessed(email_id=event.email_id)), Ack)


@handlers.on(EmailReceived, retry=RetryPolicy(attempts=3), timeout_s=5)
async def coroutine(event: EmailReceived, ctx: Context, times: int = 1) -> None:
    assert_type(await ctx.apublish(EmailProcessed(email_id=event.email_id)), Ack)


@handlers.batch(EmailReceived, max_events=100)
def batch(pairs: list[tuple[EmailReceived, Context]]) -> None:
    for event, ctx in pairs:
        ctx.fail(ValueError(event.email_id))


@handlers.batch(EmailReceived)
async def batch_coroutine(pairs: Sequence[tuple[EmailReceived, Context]]) -> None: ...


async def calls_its_handlers(event: EmailReceived, ctx: Context) -> None:
    assert_type(plain(event, ctx), None)
    assert_type(plain(event=event, ctx=ctx), None)
    await coroutine(event, ctx)
    await coroutine(event, ctx=ctx, times=2)
    begun: Coroutine[Any, Any, None] = coroutine(event, ctx)
    await begun
    assert_type(behind_a_decorator(event, ctx), None)
    assert_type(batch([(event, ctx)]), None)
    assert_type(batch(pairs=[(event, ctx)]), None)
    await batch_coroutine(pairs=[(event, ctx)])
    plain(event, ctx, 3)  # refused
    plain(EmailDeleted(), ctx)  # refused
    coroutine(event, ctx, tims=2)  # refused
    batch([event])  # refused


# What else may be one.


class Validator:
    def handle(self, event: EmailReceived, ctx: Context) -> None: ...

    async def handle_later(self, event: EmailReceived, ctx: Context) -> None: ...


class Called:
    async def __call__(self, event: EmailReceived, ctx: Context) -> None: ...


@handlers.on(EmailReceived)
def of_any_message(event: Message, ctx: Context) -> None: ...


@handlers.on(EmailReceived)
def with_other_names(e: EmailReceived, c: Context, /) -> None: ...


def timed(
    handler: Callable[[EmailReceived, Context], None],
) -> Callable[[EmailReceived, Context], None]:
    return handler


@handlers.on(EmailReceived)
@timed
def behind_a_decorator(event: EmailReceived, ctx: Context) -> None: ...


@handlers.on(EmailReceived)
def returns_what_it_published(event: EmailReceived, ctx: Context) -> Ack:
    return ctx.publish(EmailProcessed(email_id=event.email_id))


@handlers.on(EmailReceived)
async def awaits_and_returns_it(event: EmailReceived, ctx: Context) -> Ack:
    return await ctx.apublish(EmailProcessed(email_id=event.email_id))


@handlers.on(EmailReceived, EmailDeleted)
def of_two(event: EmailReceived | EmailDeleted, ctx: Context) -> None: ...


@handlers.on(EmailReceived, EmailDeleted, EmailProcessed)
async def of_three(event: EmailReceived | EmailDeleted | EmailProcessed, ctx: Context) -> None: ...


@handlers.batch(EmailReceived)
def batch_of_any_message(pairs: Iterable[tuple[Message, Context]]) -> None: ...


handlers.on(EmailReceived)(partial(coroutine, times=2))
handlers.on(EmailReceived)(Validator().handle_later)
handlers.on(EmailReceived)(Called())
handlers.add(EmailReceived, plain)
handlers.add(EmailReceived, coroutine)
handlers.add(EmailReceived, lambda event, ctx: ctx.fail(event.email_id))
handlers.add(EmailReceived, Called())
handlers.add(EmailReceived, Validator())
handlers.add(EmailReceived, Validator().handle)


# And what may not.


@handlers.on(EmailReceived)  # refused
def of_another_event(event: EmailDeleted, ctx: Context) -> None: ...


@handlers.on(EmailReceived, EmailDeleted)  # refused
def of_one_of_two(event: EmailDeleted, ctx: Context) -> None: ...


@handlers.on(EmailReceived)  # refused
async def of_another_context(event: EmailReceived, ctx: int) -> None: ...


@handlers.on(EmailReceived)  # refused
def without_context(event: EmailReceived) -> None: ...


@handlers.on(EmailReceived)  # refused
def wants_more(event: EmailReceived, ctx: Context, times: int) -> None: ...


@handlers.on(EmailReceived)  # refused
def returns_what_nobody_reads(event: EmailReceived, ctx: Context) -> bool:
    return event.email_id == ctx.event_id


@handlers.batch(EmailReceived)  # refused
def batch_of_another_event(pairs: list[tuple[EmailDeleted, Context]]) -> None: ...


@handlers.batch(EmailReceived)  # refused
def batch_without_contexts(events: list[EmailReceived]) -> None: ...


@handlers.batch(EmailReceived)  # refused
def one_by_one(event: EmailReceived, ctx: Context) -> None: ...


handlers.on(str)  # refused
handlers.on()  # refused
handlers.on(EmailReceived, attempts=3)  # refused
handlers.add(EmailDeleted, plain)  # refused
handlers.add(EmailDeleted, Validator())  # refused
handlers.add(EmailReceived, Validator)  # refused


# Settings.

servers = "kafka:9092"
KafkaConfig(bootstrap_servers=servers, client_properties={"session.timeout.ms": 10000})
KafkaConfig(bootstrap_servers=servers, client_properties={"a": 1, "b": "2", "c": True, "d": 0.5})
timeouts = {"session.timeout.ms": 10000}
KafkaConfig(bootstrap_servers=servers, client_properties=timeouts)
KafkaConfig(bootstrap_servers=servers, client_properties={"a": None})  # refused
KafkaConfig(bootstrap_servers=servers, group_protocol="kip-848")  # refused
Config(codec="xml")  # refused
Config(bootstrap_servers=servers)  # refused


def built(start: Start, order: Order, transport: Transport) -> ConsumerGroup:
    ConsumerGroup("validator", handlers, order="keys")  # refused
    ConsumerGroup("validator", handlers, start="newest")  # refused
    ConsumerGroup("validator", handlers, start=datetime.now(UTC), order="partition")
    ConsumerGroup("validator", handlers, transport=KafkaConfig(bootstrap_servers="k"))  # refused
    ConsumerGroup("validator", handlers, transport=KafkaTransport.from_env())
    Producer(KafkaConfig(bootstrap_servers="k"))  # refused
    Producer(Config(codec="avro"), transport=KafkaTransport(KafkaConfig(bootstrap_servers="k")))
    Producer(transport=EventBridge("bus", AwsConfig(region="eu-west-1")))
    Producer(transport=Sqs({"EmailReceived": "queue"}, data="base64"))
    Producer(transport=Sqs("queue", data="xml"))  # refused
    Producer(transport=Sns("arn:aws:sns:eu-west-1:123456789012:topic"))
    ConsumerGroup("group", handlers, transport=Sqs("queue"))  # refused
    return ConsumerGroup("validator", handlers, start=start, order=order, transport=transport)


async def within_a_server(group: ConsumerGroup) -> None:
    async with group as entered:
        assert_type(entered, ConsumerGroup)
        await group.astop(5)
        await group.stop()  # refused


assert_type(load_catalog(), Catalog)
assert_type(built("earliest", "none", MemoryTransport(MemoryBroker())).stats(), ConsumerStats)


# Testing.


def test_a_handler() -> None:
    event = EmailReceived(email_id="e-1")
    ctx = context(event, attempt=2, tenant_id="t-1", headers={"x": b"1"})
    plain(event, ctx)
    batch([(event, ctx)])
    batch([(event, context(event)) for event in [event]])
    assert_type(ctx.published, list[Message])
    assert_type(ctx.failed, BaseException | None)
    context("EmailReceived")  # refused


# Publishing.


async def publishes(producer: Producer) -> None:
    ack = producer.publish(EmailReceived(email_id="e-1"), headers={"x": b"1"})
    assert_type(ack.result(timeout=5), Position)
    assert_type(await ack, Position)
    on_done: Callable[[Ack], object] = print
    ack.add_done_callback(on_done)
    try:
        producer.flush(5)
    except NotDeliveredError as error:
        assert_type(error.event_ids, tuple[str, ...])
    except BufferFullError as error:
        raise TransientError("later", retry_after_s=5) from error
    producer.publish("EmailReceived")  # refused
    producer.publish(EmailReceived(), headers={"x": "1"})  # refused


# A name that is misspelt.

misspelt = pat_events.KafkaConfg  # refused
