"""An event whose payload is kept elsewhere is handled like any other, held, or given up."""

from __future__ import annotations

import asyncio
import threading

import pytest

from pat_events import Config, Handlers, Producer, RetryPolicy
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.consumer.payloads import Payloads
from pat_events.consumer.routes import Route, Routes
from pat_events.consumer.setup import Setup
from pat_events.core.claim import Location
from pat_events.core.record import Delivery
from pat_events.errors import ClaimCheckError, CodecError, TransientError
from pat_events.events import EmailReceived
from pat_events.telemetry.observer import Origin
from pat_events.transports.aws import s3
from pat_events.transports.memory import MemoryBroker, MemoryPayloads, MemoryTransport

TYPES = EventTypes(load_catalog())
HERE = Config(claim_check_bucket="payloads", claim_check_above_bytes=300)
LARGE = "l" * 1_000


class Store(MemoryPayloads):
    """``gets`` counts; ``before`` is called with each."""

    def __init__(self):
        super().__init__()
        self.gets = 0
        self.before = lambda: None

    def get(self, claim):
        self.gets += 1
        self.before()
        return super().get(claim)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def publish(live, store):
    """Publish, with a claim check where it is large."""
    with Producer(HERE, transport=MemoryTransport(live.broker), payloads=store) as producer:

        def publish(*email_ids, subject=LARGE):
            for email_id in email_ids:
                producer.publish(EmailReceived(email_id=email_id, subject=subject)).result(10)

        yield publish


class Service:
    """Handlers of each kind that note what they got."""

    def __init__(self, kind, fails=(), **options):
        self.seen, self.attempts = [], []
        self.fails = list(fails)
        self.handlers = Handlers()
        options.setdefault("retry", RetryPolicy(attempts=3, first_delay_s=0.01, jitter=0))

        def on(event, ctx):
            self.attempts.append(ctx.attempt)
            if event.email_id in self.fails:
                self.fails.remove(event.email_id)
                raise TransientError
            self.seen.append((event.email_id, event.subject))

        async def on_async(event, ctx):
            await asyncio.sleep(0)
            on(event, ctx)

        def on_batch(pairs):
            for event, ctx in pairs:
                on(event, ctx)

        async def on_batch_async(pairs):
            on_batch(pairs)

        kinds = {
            "plain": (self.handlers.on, on),
            "async": (self.handlers.on, on_async),
            "batch": (self.handlers.batch, on_batch),
            "async batch": (self.handlers.batch, on_batch_async),
        }
        register, handler = kinds[kind]
        register(EmailReceived, **options)(handler)


KINDS = ["plain", "async", "batch", "async batch"]


@pytest.mark.parametrize("kind", KINDS)
def test_handlers_of_every_kind_get_the_event_in_its_order(kind, live, store, publish, wait_until):
    service = Service(kind)
    publish("a", "b")
    publish("a", subject="small")
    live.group(service.handlers, config=HERE, payloads=store)
    wait_until(lambda: live.committed == 3)
    assert sorted(service.seen) == [("a", LARGE), ("a", "small"), ("b", LARGE)]
    assert [subject for key, subject in service.seen if key == "a"] == [LARGE, "small"]
    assert set(service.attempts) == {1}


@pytest.mark.parametrize("kind", KINDS)
def test_a_retry_has_the_payload_again(kind, live, store, publish, wait_until):
    service = Service(kind, fails=["a"])
    publish("a")
    live.group(service.handlers, config=HERE, payloads=store)
    wait_until(lambda: live.committed == 1)
    assert (service.seen, service.attempts, store.gets) == ([("a", LARGE)], [1, 2], 2)


@pytest.mark.parametrize("kind", KINDS)
def test_an_outage_of_the_store_holds_in_order_and_counts_no_attempt(
    kind, live, store, publish, wait_until
):
    service = Service(kind)
    publish("a")
    publish("a", subject="small")
    store.set_down(down=True)
    group = live.group(service.handlers, config=HERE, payloads=store)
    wait_until(lambda: group.stats().held >= 1)
    assert service.seen == []
    store.set_down(down=False)
    wait_until(lambda: live.committed == 2)
    assert service.seen == [("a", LARGE), ("a", "small")]
    assert set(service.attempts) == {1}
    assert live.dead == []


def test_what_the_store_did_not_foresee_holds_as_well(live, store, publish, wait_until):
    service = Service("plain")
    publish("a")
    store.before = lambda: 1 / 0
    group = live.group(service.handlers, config=HERE, payloads=store)
    wait_until(lambda: group.stats().held >= 1)
    store.before = lambda: None
    wait_until(lambda: live.committed == 1)
    assert service.attempts == [1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("gone", "is not there"),
        ("longer", "the event says"),
        ("changed", "another SHA-256"),
    ],
)
def test_a_missing_or_altered_payload_is_a_dead_letter_and_the_next_event_goes_on(
    harm, words, kind, live, store, publish, wait_until, header
):
    service = Service(kind)
    publish("a")
    ((place, payload),) = store.objects.items()
    if harm == "gone":
        del store.objects[place]
    else:
        store.objects[place] = payload + b"y" if harm == "longer" else b"y" + payload[1:]
    publish("a", subject="small")
    live.group(service.handlers, config=HERE, payloads=store)
    wait_until(lambda: live.committed == 2)
    (letter,) = live.dead
    assert header(letter, "pat-dlq-reason") == "claim-check"
    assert words in header(letter, "__dlq.errors.message")
    assert header(letter, "ce_dataref") == f"s3://payloads/{place[1]}"
    assert letter.value == b"", "it can be replayed as it is"
    assert service.seen == [("a", "small")]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (Config(), "no claim check is configured: set PAT_EVENTS_CLAIM_CHECK_READ_FROM=payloads"),
        (Config(claim_check_read_from="payloads/mail/"), "where this consumer does not read"),
        (Config(claim_check_read_from="others"), "where this consumer does not read"),
    ],
)
def test_a_reference_is_followed_to_allowed_places_alone(
    config, words, live, store, publish, wait_until, header
):
    service = Service("plain")
    publish("a")
    live.group(service.handlers, config=config, payloads=store)
    wait_until(lambda: live.committed == 1)
    (letter,) = live.dead
    assert words in header(letter, "__dlq.errors.message")
    assert (store.gets, service.seen) == (0, [])


def test_the_time_a_payload_takes_is_none_of_the_handlers(live, store, publish, wait_until):
    service = Service("plain", timeout_s=0.2)
    publish("a")
    slow = threading.Event()
    store.before = lambda: slow.wait(0.6)
    group = live.group(service.handlers, config=HERE, payloads=store)
    wait_until(lambda: live.committed == 1)
    assert service.seen == [("a", LARGE)]
    assert (service.attempts, group.stats().held, live.dead) == ([1], 0, [])


def test_an_event_loop_goes_on_while_a_payload_is_waited_for(live, store, publish, wait_until):
    service = Service("async")
    publish("a")
    publish("b", subject="small")
    done = threading.Event()
    store.before = lambda: done.wait(10)
    live.group(service.handlers, config=HERE, payloads=store)
    wait_until(lambda: service.seen == [("b", "small")])
    done.set()
    wait_until(lambda: live.committed == 2)


@pytest.mark.parametrize("kind", ["async", "async batch"])
def test_a_task_that_is_cancelled_while_it_waits_for_a_payload_is_held(
    kind, live, store, publish, wait_until
):
    service = Service(kind)
    publish("a")
    asked, answer = threading.Event(), threading.Event()

    def wait():
        asked.set()
        answer.wait(10)

    store.before = wait
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def cancel():
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    group = live.group(service.handlers, started=False, config=HERE, payloads=store)
    group.start(loop)
    try:
        assert asked.wait(10)
        asyncio.run_coroutine_threadsafe(cancel(), loop).result(10)
        wait_until(lambda: group.stats().held == 1)
        answer.set()
        wait_until(lambda: live.committed == 1)
    finally:
        answer.set()
        group.stop()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
    assert (service.seen, service.attempts, live.dead) == ([("a", LARGE)], [1], [])


def elsewhere(**changes):
    values = {
        "ce_type": b"pat.events.v1.EmailReceived",
        "ce_id": b"i-1",
        "content-type": b"application/protobuf",
        "ce_dataref": b"s3://payloads/a/b",
        "ce_datareflength": b"1000",
        "ce_datarefsha256": b"0" * 64,
    }
    values |= {name.replace("__", "-"): value for name, value in changes.items()}
    return [(name, value) for name, value in values.items() if value is not None]


@pytest.fixture
def find(store):
    handlers = Handlers()
    handlers.on(EmailReceived)(lambda event, ctx: None)
    routes = Routes(handlers, TYPES, 10_000, Payloads([Location("payloads", "a/")], 5_000, store))

    def find(value=b"", **changes):
        return routes.find(Delivery("t", 0, 0, b"k", value, elsewhere(**changes), 0))

    return find


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (b"https://payloads/a/b", "no s3://bucket/key that is followed"),
        (b"s3://payloads", "no s3://bucket/key that is followed"),
        (b"s3://payloads/", "no s3://bucket/key that is followed"),
        (b"s3://payloads/a/../b", "no s3://bucket/key that is followed"),
        (b"s3://payloads/a/%2e%2e/b", "no s3://bucket/key that is followed"),
        (b"s3://payloads/a/b?versionId=1", "no s3://bucket/key that is followed"),
        (b"s3://user@payloads/a/b", "no s3://bucket/key that is followed"),
        (b"s3://payloads/a/\nb", "no s3://bucket/key that is followed"),
        (b"\xff", "no s3://bucket/key that is followed"),
        (b"s3://payloads/b/b", "where this consumer does not read"),
        (b"s3://payload/a/b", "where this consumer does not read"),
    ],
)
def test_a_reference_to_elsewhere_is_refused_before_anything_is_read(reference, words, find, store):
    refused = find(ce_dataref=reference)
    assert isinstance(refused, ClaimCheckError)
    assert words in str(refused)
    assert "\n" not in str(refused)
    assert store.gets == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ce_datareflength": None}, "without datareflength and datarefsha256"),
        ({"ce_datareflength": b"-1"}, "without datareflength and datarefsha256"),
        ({"ce_datareflength": b"9" * 99}, "without datareflength and datarefsha256"),
        ({"ce_datarefsha256": b"0"}, "without datareflength and datarefsha256"),
        ({"ce_datareflength": b"5001"}, "has 5001 bytes, 5000 are read"),
    ],
)
def test_a_reference_that_cannot_be_checked_or_is_too_long_is_refused(changes, words, find):
    refused = find(**changes)
    assert isinstance(refused, ClaimCheckError)
    assert words in str(refused)


def test_an_event_that_has_its_data_as_well_is_read_from_that(find):
    route = find(EmailReceived(email_id="a").SerializeToString())
    assert isinstance(route, Route)
    assert route.fetch is None
    structured = (
        b'{"specversion":"1.0","id":"i","source":"s","type":"pat.events.v1.EmailReceived",'
        b'"dataref":"s3://payloads/a/b"%s}'
    )
    kind = b"application/cloudevents+json"
    assert find(structured % b',"data":{}', content__type=kind).fetch is None
    assert find(structured % b"", content__type=kind).fetch is not None


def test_a_payload_of_a_type_that_nothing_reads_is_undecodable(find):
    assert isinstance(find(content__type=b"text/html"), CodecError)


def test_what_reads_payloads_and_what_puts_them_share_one_client_of_s3(monkeypatch):
    made = []

    class Counted(Store):
        def __init__(self):
            super().__init__()
            made.append(self)

    monkeypatch.setattr(s3, "S3Payloads", Counted)
    transport = MemoryTransport(MemoryBroker())
    handlers = Handlers()
    handlers.on(EmailReceived)(lambda event, ctx: None)
    setup = Setup.of(
        handlers,
        HERE,
        Origin("memory"),
        payloads=None,
        max_threads=1,
        max_tasks=1,
        dead_letter_limit=None,
        observers=(),
        tracing=None,
        dedupe=None,
    )
    producer, _ = setup.producer(transport)
    producer.close()
    assert made == [setup.store]


def test_without_a_claim_check_nothing_of_s3_is_made():
    assert Payloads.configured(Config(), None).store is None
