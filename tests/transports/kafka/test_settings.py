"""Kafka's errors, settings and log lines in this package's terms; no broker needed."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from pat_events import Config, KafkaConfig
from pat_events.errors import (
    AuthenticationError,
    ConfigError,
    NotPermittedError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    TopicMissingError,
    TransportError,
    TransportTimeoutError,
    TransportUnavailableError,
)
from pat_events.transports.kafka import KafkaTransport, logs, properties
from pat_events.transports.kafka.errors import kafka_errors, translate
from pat_events.transports.kafka.logs import RepeatFilter, without_userinfo


def config(**settings):
    return KafkaConfig(bootstrap_servers="127.0.0.1:1", **settings)


def ignore(_):
    pass


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("MSG_SIZE_TOO_LARGE", RecordTooLargeError),
        ("RECORD_LIST_TOO_LARGE", RecordTooLargeError),
        ("UNKNOWN_TOPIC_OR_PART", TopicMissingError),
        ("_UNKNOWN_TOPIC", TopicMissingError),
        ("_UNKNOWN_PARTITION", TransportError),
        ("_AUTO_OFFSET_RESET", OffsetOutOfRangeError),
        ("_ALL_BROKERS_DOWN", TransportUnavailableError),
        ("_TRANSPORT", TransportUnavailableError),
        ("_MSG_TIMED_OUT", TransportTimeoutError),
        ("_TIMED_OUT", TransportTimeoutError),
        ("REQUEST_TIMED_OUT", TransportTimeoutError),
        ("_INVALID_ARG", ConfigError),
        ("_AUTHENTICATION", AuthenticationError),
        ("TOPIC_AUTHORIZATION_FAILED", NotPermittedError),
        ("GROUP_AUTHORIZATION_FAILED", NotPermittedError),
        ("CLUSTER_AUTHORIZATION_FAILED", NotPermittedError),
        ("NOT_ENOUGH_REPLICAS", TransportError),
    ],
)
def test_each_error_of_kafka_has_one_of_ours(code, expected):
    error = translate(KafkaError(getattr(KafkaError, code)), "sending to t")
    assert type(error) is expected
    assert str(error).startswith("sending to t: ")


def test_what_kafka_raises_is_the_cause_of_what_we_raise():
    cause = KafkaException(KafkaError(KafkaError._TIMED_OUT))
    with pytest.raises(TransportTimeoutError) as raised, kafka_errors("asking"):
        raise cause
    assert raised.value.__cause__ is cause


@pytest.mark.parametrize("name", sorted(properties._OWNED))
@pytest.mark.parametrize("kind", ["producer", "consumer", "admin"])
def test_a_setting_the_guarantees_stand_on_is_refused(kind, name):
    settings = config(client_properties={name: "1"})
    before = {"producer": (Config(),), "consumer": ("group",), "admin": ()}[kind]
    with pytest.raises(ConfigError, match=f"'{name}' cannot be set: "):
        getattr(properties, kind)(settings, *before, ignore)


@pytest.mark.parametrize(
    "alias",
    [
        "auto.commit.enable",
        "compression.codec",
        "metadata.broker.list",
        "queue.buffering.max.ms",
        "request.required.acks",
        "retries",
    ],
)
def test_no_other_name_of_such_a_setting_gets_past(alias):
    with pytest.raises(ConfigError, match=alias):
        KafkaTransport(config(client_properties={alias: "1"})).sender(Config())


def test_the_delivery_guarantees_are_set():
    found = properties.producer(config(linger_s=0.02), Config(delivery_timeout_s=2.5), ignore)
    assert {name: found[name] for name in ("enable.idempotence", "acks", "partitioner")} == {
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
    }
    assert found["linger.ms"] == 20.0
    # Without a limit: events are given up by the sender.
    assert found["delivery.timeout.ms"] == 0
    reading = properties.consumer(config(), "g", ignore)
    assert reading["enable.auto.commit"] is False
    assert reading["enable.auto.offset.store"] is False
    assert reading["auto.offset.reset"] == "error"


def test_a_group_without_a_name_is_refused_before_the_client_ends_the_process():
    with pytest.raises(ConfigError, match="empty"):
        properties.consumer(config(), "", ignore)


def names(**settings):
    of = config(**settings)
    return [
        properties.consumer(of, "email-processor", ignore)["client.id"],
        properties.consumer(of, "email-processor", ignore, purpose="admin")["client.id"],
        properties.producer(of, Config(), ignore)["client.id"],
        properties.producer(of, Config(source="urn:pat/smtp"), ignore)["client.id"],
        properties.admin(of, ignore)["client.id"],
    ]


def test_brokers_can_tell_services_apart_by_the_names_of_their_clients():
    assert names(client_properties={"socket.timeout.ms": 5000}) == [
        "pat-events-email-processor",
        "pat-events-admin",
        "pat-events-producer",
        "pat-events-urn-pat-smtp",
        "pat-events-admin",
    ]


def test_a_name_of_ones_own_is_that_of_every_client():
    assert set(names(client_properties={"client.id": "mail-7"})) == {"mail-7"}


def test_the_client_has_room_for_every_byte_of_the_buffer():
    found = properties.producer(
        config(), Config(buffer_bytes=2_000_001, max_event_bytes=2_000_001), ignore
    )
    assert found["queue.buffering.max.kbytes"] * 1024 >= 2_000_001


def test_kip_848_gets_none_of_the_settings_it_forbids():
    forbidden = {
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "partition.assignment.strategy",
        "group.protocol.type",
    }
    assert not forbidden & set(properties.consumer(config(group_protocol="consumer"), "g", ignore))
    classic = properties.consumer(config(), "g", ignore)
    assert classic["partition.assignment.strategy"] == "cooperative-sticky"
    assert classic["heartbeat.interval.ms"] == 1_000
    assert classic["topic.metadata.refresh.interval.ms"] == 10_000


@pytest.mark.parametrize("value", [500, "2000"])
def test_a_heartbeat_of_ones_own_is_kept(value):
    settings = config(client_properties={"heartbeat.interval.ms": value})
    assert properties.consumer(settings, "g", ignore)["heartbeat.interval.ms"] == value


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_one_set_of_client_properties_serves_both_ends(protocol):
    settings = config(
        group_protocol=protocol,
        client_properties={
            "fetch.wait.max.ms": "10",
            "max.poll.interval.ms": "60000",
            "sticky.partitioning.linger.ms": "20",
            "socket.timeout.ms": "5000",
        },
    )
    writing = properties.producer(settings, Config(), ignore)
    reading = properties.consumer(settings, "g", ignore)
    assert writing["socket.timeout.ms"] == reading["socket.timeout.ms"] == "5000"
    assert "fetch.wait.max.ms" not in writing
    assert "sticky.partitioning.linger.ms" not in reading
    Producer(writing)
    Consumer(reading).close()


@pytest.mark.parametrize("name", ["sender", "receiver", "partitions", "ping"])
def test_a_setting_librdkafka_does_not_know_is_a_config_error(name):
    transport = KafkaTransport(config(client_properties={"no.such.property": "1"}))
    arguments = {
        "sender": (Config(),),
        "receiver": ("g", "latest"),
        "partitions": ([], 1),
        "ping": (1,),
    }[name]
    with pytest.raises(ConfigError, match=r"no\.such\.property"):
        getattr(transport, name)(*arguments)


def test_an_address_nobody_answers_at_is_named_in_bounded_time():
    transport = KafkaTransport(config())
    with pytest.raises(TransportUnavailableError, match=r"at 127\.0\.0\.1:1 within 0\.2 s"):
        transport.partitions(["t"], 0.2)
    with pytest.raises(TransportUnavailableError, match=r"at 127\.0\.0\.1:1 within 0\.2 s"):
        transport.ping(0.2)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('from "http://me:s3cret@host:1/x": no', 'from "http://***@host:1/x": no'),
        ("https://token@host and https://a:b@c", "https://***@host and https://***@c"),
        ("https://me:p@ss@host/p?q=a@b", "https://***@host/p?q=a@b"),
        ("sasl_ssl://broker:9092/3: me@host failed", "sasl_ssl://broker:9092/3: me@host failed"),
    ],
)
def test_what_an_address_has_before_its_host_is_not_logged(line, shown):
    assert without_userinfo(line) == shown


def test_the_clients_log_shows_no_password_of_an_address(caplog):
    logs.client_log.warning("cannot get a token from %s", "http://me:s3cret@host/x")
    assert "http://***@host/x" in caplog.text
    assert "s3cret" not in caplog.text


class TestRepeatFilter:
    @pytest.fixture
    def lines(self):
        self.now = 100.0
        shown = []
        logger = logging.Logger("test")  # noqa: LOG001 - one nobody else has
        logger.addFilter(RepeatFilter(window_s=30, clock=lambda: self.now))
        handler = logging.Handler()
        handler.emit = lambda record: shown.append(record.getMessage())
        logger.addHandler(handler)
        self.log = logger.warning
        return shown

    def test_a_repeated_line_is_shown_once_per_window(self, lines):
        for port in range(50):
            self.log("cannot reach %s:%d", "broker", port)
        assert lines == ["cannot reach broker:0"]

    def test_the_next_window_says_how_many_were_not_shown(self, lines):
        for _ in range(4):
            self.log("down %d", 1)
        self.now += 30
        self.log("down %d", 2)
        self.log("down %d", 3)
        assert lines == ["down 1", "down 2 (and 3 more like it)"]

    def test_different_lines_are_shown(self, lines):
        self.log("one")
        self.log("other")
        assert lines == ["one", "other"]

    def test_a_line_that_was_not_repeated_has_no_count(self, lines):
        self.log("down")
        self.now += 31
        self.log("down")
        assert lines == ["down", "down"]

    def test_old_lines_are_forgotten(self, lines):
        repeats = RepeatFilter(window_s=30, clock=lambda: self.now)
        for letter in "abcdefghij":
            record = logging.LogRecord("n", 30, "p", 1, f"text {letter}", None, None)
            assert repeats.filter(record)
            self.now += 301
        assert len(repeats._repeats._seen) == 1
