"""A service's handlers as a Lambda function."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time

import pytest

from pat_events import (
    Breaker,
    CodecError,
    Config,
    ConfigError,
    DeadLetterLimit,
    Handlers,
    HandlerTimeoutError,
    HoldError,
    NoTransportError,
    RetryPolicy,
    TransientError,
    UnknownEventError,
    lambda_handler,
)
from pat_events.core.claim import Location, claim_for
from pat_events.events import EmailProcessed, EmailReceived, TenantEvent
from pat_events.telemetry import Delivered, GivenUp, Handled, Held
from pat_events.transports.memory import MemoryBroker, MemoryPayloads, MemoryTransport
from tests.support.invocations import (
    ENVELOPES,
    TRACE,
    X_RAY,
    LambdaContext,
    body,
    event_bridge,
    kafka,
    kafka_record,
    record,
    sns,
    sqs,
)

ONCE = RetryPolicy(attempts=1)
QUICK = RetryPolicy(attempts=3, first_delay_s=0.01)
SLOW = RetryPolicy(attempts=3, first_delay_s=20.0, jitter=0.0)


class Service:
    """Handlers that note what they get, and fail where they are told to."""

    def __init__(self, retry=ONCE, *, fails=(), error=ValueError, breaker=None, **options):
        self.seen = []
        self.attempts = []
        self.fails = dict.fromkeys(fails, 10**9) if not isinstance(fails, dict) else dict(fails)
        self.error = error
        self.handlers = Handlers()
        self.handlers.on(EmailReceived, retry=retry, breaker=breaker)(self.on_email)
        self.handler = lambda_handler(self.handlers, **options)

    def on_email(self, event, ctx):
        self.seen.append(event.email_id)
        self.attempts.append(ctx.attempt)
        self.ctx = ctx
        if self.fails.get(event.email_id, 0) > 0:
            self.fails[event.email_id] -= 1
            raise self.error(f"{event.email_id} is bad")

    def __call__(self, event, context=None):
        return self.handler(event, context or LambdaContext())


def failed(answer):
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


class TestSqs:
    def test_what_was_handled_is_not_reported(self):
        service = Service()
        assert service(sqs(body("a"), body("b"))) == {"batchItemFailures": []}
        assert sorted(service.seen) == ["a", "b"]

    def test_what_failed_is_reported_and_nothing_else(self):
        service = Service(fails=["b"])
        assert failed(service(sqs(body("a"), body("b"), body("c")))) == ["m-1"]
        assert sorted(service.seen) == ["a", "b", "c"]

    def test_it_is_tried_again_in_place_as_its_policy_says(self):
        service = Service(QUICK, fails={"a": 2})
        assert failed(service(sqs(body("a")))) == []
        assert service.attempts == [1, 2, 3]

    def test_the_receive_count_is_the_attempt(self):
        service = Service(QUICK, fails=["a"])
        assert failed(service(sqs(body("a"), received=3))) == ["m-0"]
        assert service.attempts == [3]

    def test_a_retry_beyond_the_deadline_is_left_to_the_queue_at_once(self):
        service = Service(SLOW, fails=["a"])
        began = time.monotonic()
        assert failed(service(sqs(body("a")), LambdaContext(15))) == ["m-0"]
        assert time.monotonic() - began < 5

    def test_what_cannot_be_decoded_or_is_foreign_is_reported_with_its_id_in_the_log(self, caplog):
        service = Service(QUICK)
        broken = json.dumps(json.loads(body("a")) | {"data": {"email_id": 1}})
        answer = service(sqs(broken, '{"Records": []}', "", body("d")))
        assert failed(answer) == ["m-0", "m-1", "m-2"]
        assert service.seen == ["d"]
        told = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
        assert any("my-queue/m-0, my-queue/m-1, my-queue/m-2" in each for each in told)

    def test_what_no_handler_is_for_is_reported(self):
        other = body("a").replace("v1.EmailReceived", "v1.TenantEvent")
        assert failed(Service()(sqs(other))) == ["m-0"]

    def test_message_attributes_are_headers(self):
        attributes = {
            "content-type": {
                "stringValue": "application/cloudevents+json",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            },
            "x-mine": {"binaryValue": "AP8=", "dataType": "Binary"},
        }
        service = Service()
        assert failed(service(sqs(body("a"), attributes=attributes))) == []
        assert dict(service.ctx.headers)["x-mine"] == b"\x00\xff"

    def test_envelopes_of_sns_and_event_bridge_are_taken_off(self):
        in_sns = json.dumps({"Type": "Notification", "Message": body("a")})
        service = Service()
        assert failed(service(sqs(in_sns, json.dumps(event_bridge("b"))))) == []
        assert sorted(service.seen) == ["a", "b"]

    def test_the_trace_goes_on(self):
        service = Service()
        service(sqs(body("a")))
        assert service.ctx.envelope.trace.traceparent == TRACE


class TestClaimCheck:
    @pytest.fixture
    def payloads(self):
        return MemoryPayloads()

    @pytest.fixture
    def service(self, payloads):
        config = Config(claim_check_bucket="payloads")
        return Service(QUICK, config=config, payloads=payloads)

    def large(self, email_id, payloads):
        """A record whose payload is kept elsewhere."""
        found = record(email_id)
        claim = claim_for(Location("payloads"), found.headers, found.value)
        payloads.put(claim, found.value, "application/protobuf")
        found.value, found.headers = b"", found.headers | claim.headers
        return found

    def test_payloads_are_read_whatever_invokes_the_function(self, service, payloads):
        a, b, c = (self.large(each, payloads) for each in "abc")
        text = ENVELOPES.structured(a, ENVELOPES.wrap(a), "json")
        assert failed(service(sqs(text))) == []
        assert failed(service(kafka([kafka_record(b, 0, 5)]))) == []
        detail = json.loads(ENVELOPES.detail(c, ENVELOPES.wrap(c)))
        service(event_bridge("c", detail=detail))
        assert service.seen == ["a", "b", "c"]

    def test_a_payload_that_is_gone_or_cannot_be_had_is_reported(self, service, payloads):
        gone = self.large("gone", payloads)
        payloads.objects.clear()
        late = self.large("late", payloads)
        bodies = [ENVELOPES.structured(it, ENVELOPES.wrap(it), "json") for it in (gone, late)]
        assert failed(service(sqs(*bodies))) == ["m-0"]
        payloads.set_down(down=True)
        assert failed(service(sqs(bodies[1]), LambdaContext(0.3))) == ["m-0"]
        assert service.attempts == [1]


class TestFifo:
    def test_a_group_is_cut_behind_its_first_failure_and_others_go_on(self):
        service = Service(fails=["b"])
        event = sqs(
            body("a"), body("b"), body("x"), body("c"), body("y"), group=["g", "g", "h", "g", "h"]
        )
        assert failed(service(event)) == ["m-1", "m-3"]
        assert [each for each in service.seen if each in "abc"] == ["a", "b"]
        assert [each for each in service.seen if each in "xy"] == ["x", "y"]

    def test_a_group_is_cut_behind_what_cannot_be_decoded(self):
        service = Service()
        broken = json.dumps(json.loads(body("b")) | {"data": {"email_id": 1}})
        assert failed(service(sqs(body("a"), broken, body("c"), group="g"))) == ["m-1", "m-2"]
        assert service.seen == ["a"]

    def test_a_group_is_cut_behind_what_is_refused_unread(self):
        service = Service()
        assert failed(service(sqs(body("a"), "foreign", body("c"), group="g"))) == ["m-1", "m-2"]
        assert service.seen == ["a"]

    def test_a_group_waits_for_a_retry(self):
        service = Service(QUICK, fails={"a": 1})
        assert failed(service(sqs(body("a"), body("b"), group="g"))) == []
        assert service.seen == ["a", "a", "b"]


class TestKafka:
    def records(self, partition, *ids, first=100):
        return [kafka_record(record(each), partition, first + n) for n, each in enumerate(ids)]

    @pytest.mark.parametrize("source", ["aws:kafka", "SelfManagedKafka"])
    def test_partitions_are_handled_each_in_its_order(self, source):
        service = Service()
        event = kafka(self.records(0, "a", "b"), self.records(1, "x"), source=source)
        assert service(event) == {"batchItemFailures": []}
        assert [each for each in service.seen if each in "ab"] == ["a", "b"]
        assert "x" in service.seen

    def test_a_partition_is_cut_at_its_first_failure(self):
        service = Service(fails=["b"])
        event = kafka(self.records(0, "a", "b", "c"), self.records(1, "x", first=7))
        assert failed(service(event)) == [{"partition": "mytopic-0", "offset": 101}]
        assert [each for each in service.seen if each in "abc"] == ["a", "b"]

    def test_a_partition_is_cut_at_what_cannot_be_decoded(self):
        records = self.records(0, "a", "b", "c")
        records[1]["value"] = "/////w=="
        service = Service()
        answer = service(kafka(records))
        assert failed(answer) == [{"partition": "mytopic-0", "offset": 101}]
        assert service.seen == ["a"]

    def test_what_no_handler_is_for_is_skipped_and_what_is_unknown_is_reported(self):
        other = record("b", {"ce_type": b"pat.events.v1.TenantEvent"})
        unknown = record("c", {"ce_type": b"no.such.Event"})
        records = [kafka_record(each, 0, n) for n, each in enumerate([record("a"), other])]
        service = Service()
        assert failed(service(kafka(records))) == []
        records.append(kafka_record(unknown, 0, 2))
        assert failed(service(kafka(records))) == [{"partition": "mytopic-0", "offset": 2}]

    def test_keys_values_and_headers_are_decoded(self):
        service = Service()
        service(kafka([kafka_record(record("a", {"x-mine": b"\x00\xff"}), 3, 9)]))
        ctx = service.ctx
        assert (ctx.key, str(ctx.position), ctx.timestamp_ms) == (
            b"a",
            "mytopic/3/9",
            1545084650987,
        )
        assert dict(ctx.headers)["x-mine"] == b"\x00\xff"
        assert ctx.envelope.trace.traceparent == TRACE

    def test_a_record_without_a_value_is_reported(self):
        tombstone = kafka_record(record("a"), 0, 5)
        tombstone |= {"value": None, "key": None}
        assert failed(Service()(kafka([tombstone]))) == [{"partition": "mytopic-0", "offset": 5}]


class TestSnsAndEventBridge:
    def test_it_is_handled_and_nothing_is_answered(self):
        service = Service()
        assert service(sns(body("a"))) is None
        assert str(service.ctx.position) == "sns-lambda/95df01b4-ee98-5cb9-9903-4c221d41eb5e"
        assert service(event_bridge("b")) is None
        assert service.ctx.event_id == "i-b"
        assert service.seen == ["a", "b"]

    @pytest.mark.parametrize("by", ["eventbridge", "sns", "sqs"])
    def test_an_event_that_a_replay_brings_names_it(self, by):
        replayed = event_bridge("a") | {"replay-name": "pat-dev-again"}
        wrap = {"eventbridge": json.loads, "sns": sns, "sqs": sqs}[by]
        service = Service()
        service(wrap(json.dumps(replayed)))
        assert (service.seen, service.ctx.replay) == (["a"], "pat-dev-again")
        service(wrap(json.dumps(event_bridge("b"))))
        assert (service.seen, service.ctx.replay) == (["a", "b"], None)

    def test_sns_attributes_are_headers(self):
        service = Service()
        service(sns(body("a"), {"x-mine": {"Type": "String", "Value": "v"}}))
        assert dict(service.ctx.headers)["x-mine"] == b"v"

    def test_an_event_by_way_of_event_bridge_and_sns(self):
        service = Service()
        assert service(sns(json.dumps(event_bridge("a")))) is None
        assert service.seen == ["a"]

    @pytest.mark.parametrize("event", [sns(body("a")), event_bridge("a")], ids=["sns", "rule"])
    def test_the_handlers_own_error_is_raised(self, event):
        with pytest.raises(ValueError, match="a is bad"):
            Service(fails=["a"])(event)

    @pytest.mark.parametrize(
        ("event", "error"),
        [
            (sns("hello"), UnknownEventError),
            (event_bridge("a", source="aws.s3", detail={}), UnknownEventError),
            (event_bridge("a", detail={"cloudevent": {}}), CodecError),
        ],
    )
    def test_what_is_foreign_or_malformed_is_raised(self, event, error):
        with pytest.raises(error):
            Service()(event)


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "hello",
        {},
        {"Records": []},
        {"Records": [{"eventSource": "aws:s3", "s3": {}}]},
        {"Records": [1]},
        {"Records": [{"eventSource": "aws:sqs"}]},
        {"Records": [{"EventSource": "aws:sns", "Sns": {}}]},
        {"eventSource": "aws:kafka", "records": [1]},
        {"eventSource": "aws:kafka", "records": {"t-0": [{"offset": "x"}, {"offset": 1}]}},
        {"requestContext": {"http": {}}, "rawPath": "/"},
    ],
)
def test_what_no_source_sends_is_refused_with_a_typed_error(event):
    with pytest.raises(UnknownEventError, match="the function was invoked with"):
        Service()(event)


UNTRACED = {"traceparent": b""}
OTHER = X_RAY.replace("0af7", "1af7")


class TestTrace:
    @pytest.mark.parametrize(
        "event",
        [
            sqs(body("a", UNTRACED)),
            sns(body("a", UNTRACED)),
            event_bridge("a", extra=UNTRACED),
            kafka([kafka_record(record("a", UNTRACED), 0, 0)]),
        ],
        ids=["sqs", "sns", "rule", "kafka"],
    )
    def test_what_brings_no_trace_is_in_that_of_its_invocation(self, event, monkeypatch):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", X_RAY + ";Lineage=a87bd80c:0")
        service = Service()
        service(event)
        assert service.ctx.envelope.trace.traceparent == TRACE
        assert "x-amzn-trace-id" not in dict(service.ctx.headers)

    def test_a_messages_own_trace_of_x_ray_is_before_that_of_its_invocation(self, monkeypatch):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", OTHER)
        service = Service()
        service(sqs(body("a", UNTRACED), system={"AWSTraceHeader": X_RAY}))
        assert service.ctx.envelope.trace.traceparent == TRACE

    def test_an_events_own_traceparent_is_before_both(self, monkeypatch):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", OTHER)
        service = Service()
        service(sqs(body("a"), system={"AWSTraceHeader": OTHER}))
        assert service.ctx.envelope.trace.traceparent == TRACE

    def test_an_invocation_that_is_not_sampled_has_no_trace(self, monkeypatch):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", X_RAY.replace("Sampled=1", "Sampled=0"))
        service = Service()
        service(sns(body("a", UNTRACED)))
        assert service.ctx.envelope.trace is None


class TestDeadline:
    def test_a_function_that_hangs_is_reported_before_the_time_is_over(self):
        release = threading.Event()
        handlers = Handlers()
        seen = []

        @handlers.on(EmailReceived)
        def hangs(event, ctx):
            seen.append(event.email_id)
            if event.email_id == "a":
                release.wait(20)

        handler = lambda_handler(handlers)
        began = time.monotonic()
        answer = handler(sqs(body("a"), body("b")), LambdaContext(1.5))
        assert time.monotonic() - began < 1.5
        assert failed(answer) == ["m-0"]
        # The next invocation has workers of its own, and what the old one still does is ignored.
        assert failed(handler(sqs(body("c")), LambdaContext(5))) == []
        release.set()
        assert sorted(seen) == ["a", "b", "c"]

    def test_a_coroutine_that_hangs_is_cancelled(self):
        cancelled = threading.Event()
        handlers = Handlers()

        @handlers.on(EmailReceived)
        async def hangs(event, ctx):
            try:
                await asyncio.sleep(20)
            except asyncio.CancelledError:
                cancelled.set()
                raise

        answer = lambda_handler(handlers)(sqs(body("a")), LambdaContext(0.3))
        assert failed(answer) == ["m-0"]
        assert cancelled.wait(5)

    def test_of_sns_and_event_bridge_a_timeout_is_raised(self):
        release = threading.Event()
        handlers = Handlers()
        handlers.on(EmailReceived)(lambda event, ctx: release.wait(20))
        with pytest.raises(HandlerTimeoutError, match="in the time of the invocation"):
            lambda_handler(handlers)(sns(body("a")), LambdaContext(0.3))
        release.set()

    def test_a_handlers_own_deadline_counts_as_well(self):
        release = threading.Event()
        handlers = Handlers()
        handlers.on(EmailReceived, retry=ONCE, timeout_s=0.1)(lambda event, ctx: release.wait(20))
        handler = lambda_handler(handlers)
        began = time.monotonic()
        assert failed(handler(sqs(body("a")), LambdaContext(20))) == ["m-0"]
        assert time.monotonic() - began < 5
        release.set()

    def test_an_invocation_whose_threads_all_hang_leaves_sound_ones_to_the_next(self):
        release = threading.Event()
        handlers = Handlers()

        @handlers.on(EmailReceived, retry=ONCE, timeout_s=0.1)
        def handle(event, ctx):
            if event.email_id.startswith("hangs"):
                release.wait(20)

        handler = lambda_handler(handlers, max_threads=2)
        answer = handler(sqs(body("hangs-1"), body("hangs-2"), body("a")), LambdaContext(20))
        assert {"m-0", "m-1"} <= set(failed(answer))
        assert failed(handler(sqs(body("b")), LambdaContext(20))) == []
        release.set()

    def test_without_a_context_there_is_time(self):
        service = Service()
        assert failed(service.handler(sqs(body("a")), None)) == []


class TestPublishing:
    @pytest.fixture
    def broker(self):
        made = MemoryBroker()
        made.create_topic("pat-emails", 1)
        return made

    def service(self, broker, handle):
        handlers = Handlers()
        handlers.on(EmailReceived, retry=ONCE)(handle)
        return lambda_handler(handlers, transport=MemoryTransport(broker))

    def test_what_handlers_publish_is_there_on_return_and_carries_the_chain_on(self, broker):
        def handle(event, ctx):
            ctx.publish(EmailProcessed(email_id=event.email_id))

        handler = self.service(broker, handle)
        assert failed(handler(sqs(body("a")), LambdaContext())) == []
        [published] = broker.records("pat-emails")
        values = dict(published.headers)
        assert (values["ce_correlationid"], values["ce_causationid"]) == (b"c-1", b"i-a")
        assert values["traceparent"].split(b"-")[1] == TRACE.split(b"-")[1]

    def test_an_event_whose_follow_up_is_not_acknowledged_in_time_is_reported(self, broker):
        def handle(event, ctx):
            if event.email_id == "a":
                ctx.note(Never())

        handler = self.service(broker, handle)
        assert failed(handler(sqs(body("a"), body("b")), LambdaContext(0.3))) == ["m-0"]

    def test_an_event_whose_follow_up_failed_is_reported(self):
        def handle(event, ctx):
            ctx.publish(EmailProcessed(email_id=event.email_id))

        handler = self.service(MemoryBroker(), handle)  # It has no topic.
        assert failed(handler(sqs(body("a")), LambdaContext(0.4))) == ["m-0"]

    def test_nobody_is_waited_for_where_nothing_is_published(self, broker, monkeypatch):
        def ping(self, timeout_s):
            raise AssertionError

        monkeypatch.setattr(MemoryTransport, "ping", ping)
        handler = self.service(broker, lambda event, ctx: None)
        assert failed(handler(sqs(body("a")), LambdaContext())) == []

    @pytest.mark.parametrize("source", [sqs, sns])
    def test_without_a_transport_what_publishes_is_left_to_its_source_at_once_and_unfailed(
        self, source
    ):
        handlers = Handlers()
        seen = []

        class Observer:
            def saw(self, what):
                seen.append(type(what))

        @handlers.on(EmailReceived, retry=ONCE)
        def handle(event, ctx):
            ctx.publish(EmailProcessed(email_id=event.email_id))

        handler = lambda_handler(handlers, observers=[Observer()])
        began = time.monotonic()
        if source is sqs:
            assert failed(handler(sqs(body("a")), LambdaContext(60))) == ["m-0"]
        else:
            with pytest.raises(NoTransportError, match=r"lambda_handler\(\.\.\., transport="):
                handler(sns(body("a")), LambdaContext(60))
        assert time.monotonic() - began < 10
        assert seen.count(Held) == 1
        assert GivenUp not in seen


class Never:
    """The handle of an event that nobody acknowledges."""

    settled = False

    def add_done_callback(self, callback):
        pass


class TestEnvironment:
    def test_coroutine_handlers_have_one_loop_for_all_invocations(self):
        loops = []
        handlers = Handlers()

        @handlers.on(EmailReceived)
        async def handle(event, ctx):
            await asyncio.sleep(0)
            loops.append(asyncio.get_running_loop())

        handler = lambda_handler(handlers)
        for _ in range(3):
            assert failed(handler(sqs(body("a"), body("b")), LambdaContext())) == []
        assert len(loops) == 6
        assert len(set(loops)) == 1

    def test_a_batch_handler_gets_what_was_handed_over_and_fails_one_of_it(self):
        calls = []
        handlers = Handlers()

        @handlers.batch(EmailReceived, retry=ONCE)
        def handle(batch):
            calls.append([event.email_id for event, _ in batch])
            for event, ctx in batch:
                if event.email_id == "b":
                    ctx.fail(ValueError("b"))

        handler = lambda_handler(handlers)
        assert failed(handler(sqs(body("a"), body("b"), body("c")), LambdaContext())) == ["m-1"]
        assert calls == [["a", "b", "c"]]

    def test_observers_are_told(self):
        seen = []

        class Observer:
            def saw(self, what):
                seen.append(what)

        service = Service(observers=[Observer()])
        service(sqs(body("a"), body("b")))
        assert Delivered("my-queue", -1, 2, 0) in seen
        assert sum(each.events for each in seen if isinstance(each, Handled)) == 2

    def test_handlers_take_no_more_once_the_function_is_made(self):
        service = Service()
        with pytest.raises(ConfigError):
            service.handlers.on(TenantEvent)(lambda event, ctx: None)

    @pytest.mark.parametrize(
        "options", [{"max_threads": 0}, {"max_tasks": 0}, {"transport": 1}, {"observers": [1]}]
    )
    def test_impossible_settings_are_refused(self, options):
        with pytest.raises(ConfigError):
            Service(**options)

    def test_a_transient_error_may_ask_for_a_longer_wait_than_there_is(self):
        def error(text):
            return TransientError(text, retry_after_s=60)

        service = Service(QUICK, fails=["a"], error=error)
        assert failed(service(sqs(body("a")), LambdaContext(20))) == ["m-0"]
        assert service.attempts == [1]


class TestBreaker:
    """What an invocation does while a breaker is open."""

    def test_what_is_left_of_a_batch_is_reported_at_once_and_not_called(self):
        breaker = Breaker("mail", failures=2, open_s=60)
        service = Service(SLOW, fails=["a", "b"], breaker=breaker, max_threads=1)
        began = time.monotonic()
        answer = service(sqs(*(body(it) for it in ("a", "b", "c", "d"))))
        assert breaker.is_open
        assert failed(answer)[:2] == ["m-0", "m-1"]
        again = service(sqs(body("e")))
        assert failed(again) == ["m-0"]
        assert time.monotonic() - began < 5
        assert "e" not in service.seen

    def test_the_event_of_a_later_invocation_is_the_probe_and_closes_it(self):
        breaker = Breaker("mail", failures=1, open_s=0.05)
        service = Service(ONCE, fails={"a": 1}, breaker=breaker)
        assert failed(service(sqs(body("a")))) == ["m-0"]
        assert breaker.is_open
        time.sleep(0.06)
        assert failed(service(sqs(body("b"), body("c")))) == []
        assert not breaker.is_open

    def test_where_one_event_invokes_it_the_breaker_is_what_is_raised(self):
        breaker = Breaker("mail", failures=1, open_s=60)
        service = Service(ONCE, fails=["a"], breaker=breaker)
        with pytest.raises(ValueError, match="a is bad"):
            service(sns(body("a")))
        with pytest.raises(HoldError, match="breaker mail is open: 1 of the last 1 calls failed"):
            service(sns(body("b")))


class TestLimit:
    """What an invocation does while a handler gives up too many events."""

    def test_what_comes_later_is_reported_at_once_and_one_that_succeeds_ends_it(self):
        limit = DeadLetterLimit(consecutive=2, hold_s=0.05)
        service = Service(ONCE, fails={"a": 9, "b": 1}, dead_letter_limit=limit)
        service(sqs(body("a")))
        assert failed(service(sqs(body("b")))) == ["m-0"]
        called = len(service.seen)
        assert failed(service(sqs(body("c"), body("d")))) == ["m-0", "m-1"]
        assert len(service.seen) == called
        time.sleep(0.06)
        assert failed(service(sqs(body("c"), body("d")))) == []

    def test_where_one_event_invokes_it_the_limit_is_what_is_raised(self):
        service = Service(ONCE, fails=["a"], dead_letter_limit=DeadLetterLimit(consecutive=1))
        with pytest.raises(ValueError, match="a is bad"):
            service(event_bridge("a"))
        with pytest.raises(HoldError, match="on_email gives up too many events: 1 of the last 1"):
            service(event_bridge("b"))
