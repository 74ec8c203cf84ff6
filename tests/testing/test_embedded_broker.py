"""The embedded broker: what it serves, what it refuses, how it ends."""

from __future__ import annotations

import ctypes
import socket
import subprocess
import sys
import textwrap
import time

import pytest
from confluent_kafka import KafkaError, TopicPartition

from pat_events import KafkaConfig, testing
from pat_events.catalog.lines import CatalogLines
from pat_events.catalog.model import Catalog, DeadLetters, EventType, Group, Topic
from pat_events.errors import ClosedError, ConfigError
from pat_events.testing import EmbeddedBroker, librdkafka

NO_EVENT = {"full_name": "", "key": "", "source": "", "detail_type": ""}


def python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def partitions_of(ends) -> dict[str, int]:
    topics = ends.consumer().list_topics(timeout=15).topics
    return {name: len(topic.partitions) for name, topic in topics.items()}


def test_what_is_published_is_consumed_and_committed_by_a_group(broker, ends) -> None:
    producer = ends.producer(enable_idempotence=True)
    ends.publish(producer, "letters", 20)
    assert producer.flush(15) == 0
    consumer = ends.consumer()
    consumer.subscribe(["letters"])
    messages = ends.read(consumer, lambda messages: len(messages) == 20)
    assert [int(message.value()) for message in messages] == list(range(20))
    consumer.commit(asynchronous=False)
    assert consumer.committed([TopicPartition("letters", 0)], 15)[0].offset == 20


@pytest.mark.parametrize("group_protocol", ["classic", "consumer"])
def test_a_group_is_assigned_without_the_usual_three_seconds(broker, ends, group_protocol) -> None:
    assigned: list[float] = []
    consumer = ends.consumer(group_protocol=group_protocol)
    started = time.monotonic()
    consumer.subscribe(["letters"], on_assign=lambda *_: assigned.append(time.monotonic()))
    while not assigned:
        assert time.monotonic() < started + 15
        consumer.poll(0.05)
    assert assigned[0] - started < 2.5


def test_a_topic_has_the_partitions_asked_for(broker, ends) -> None:
    broker.create_topic("narrow", partitions=1)
    broker.create_topic("usual")
    broker.create_topic("wide", partitions=12)
    assert partitions_of(ends) == {"letters": 1, "narrow": 1, "usual": 4, "wide": 12}


def test_a_catalogue_brings_its_topics_and_those_of_its_groups_for_dead_letters(
    broker, ends
) -> None:
    catalog = Catalog(
        version=1,
        package="",
        python_module="",
        topics={"in": Topic("in", 6, 7), "out": Topic("out", 2, 7)},
        dead_letters=DeadLetters(partitions=3, retention_days=30),
        events={
            "Asked": EventType(name="Asked", topic="in", **NO_EVENT),
            "Answered": EventType(name="Answered", topic="out", **NO_EVENT),
        },
        groups={"desk": Group("desk", ("Asked", "Answered")), "log": Group("log", ("Asked",))},
        queues={},
        schedules={},
        lines=CatalogLines("shop.yaml", {(): 1}),
    )
    broker.create_topics(catalog)
    assert partitions_of(ends) == {
        "letters": 1,
        "in": 6,
        "out": 2,
        "in.desk.dlq": 3,
        "in.desk.retry": 3,
        "out.desk.dlq": 3,
        "out.desk.retry": 3,
        "in.log.dlq": 3,
        "in.log.retry": 3,
        "desk.audit": 1,
        "log.audit": 1,
    }


def test_its_config_waits_neither_for_empty_fetches_nor_for_long_sessions(broker) -> None:
    config = broker.config(linger_s=0.0, client_properties={"check.crcs": "true"})
    quick = {
        "fetch.wait.max.ms": "10",
        "session.timeout.ms": "3000",
        "heartbeat.interval.ms": "300",
    }
    assert config == KafkaConfig(
        bootstrap_servers=broker.bootstrap_servers,
        linger_s=0.0,
        client_properties={**quick, "check.crcs": "true"},
    )
    own = {"fetch.wait.max.ms": "7", "session.timeout.ms": "45000"}
    assert broker.config(client_properties=own).client_properties == {**quick, **own}


def test_its_config_leaves_the_session_of_a_kip_848_group_to_the_broker(broker) -> None:
    for config in (
        broker.config(group_protocol="consumer"),
        broker.config(environ={"PAT_EVENTS_GROUP_PROTOCOL": "consumer"}),
    ):
        assert config.client_properties == {"fetch.wait.max.ms": "10"}


def test_its_config_reads_the_environment_it_is_handed_and_no_other(broker, monkeypatch) -> None:
    environ = {"PAT_EVENTS_BOOTSTRAP_SERVERS": "elsewhere:9092", "PAT_EVENTS_LINGER_S": "0.25"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert broker.config().linger_s == 0.005
    assert broker.config(environ=environ) == broker.config(linger_s=0.25)


def test_producers_create_the_topic_they_ask_for_and_consumers_do_not(broker, ends) -> None:
    consumer = ends.consumer()
    consumer.subscribe(["asked-for"])
    (message,) = ends.read(consumer, bool)
    assert message.error().code() == KafkaError.UNKNOWN_TOPIC_OR_PART
    producer = ends.producer()
    ends.publish(producer, "asked-for")
    assert producer.flush(15) == 0
    assert partitions_of(ends)["asked-for"] == 4


def test_a_produce_request_sent_again_is_stored_again(broker, ends) -> None:
    producer = ends.producer(enable_idempotence=True, socket_timeout_ms=300, request_timeout_ms=300)
    ends.publish(producer, "letters")
    assert producer.flush(15) == 0
    broker.faults.set_round_trip(60)
    ends.publish(producer, "letters")
    deadline = time.monotonic() + 30
    while not ends.reported:
        assert time.monotonic() < deadline, "the request did not time out"
        producer.poll(0.05)
    broker.faults.set_round_trip(0)
    assert producer.flush(15) == 0
    assert len(ends.acked) == 2
    assert ends.consumer().get_watermark_offsets(TopicPartition("letters", 0), 15)[1] > 2


def test_a_transaction_is_shown_before_it_ends(broker, ends) -> None:
    producer = ends.producer(transactional_id="t")
    producer.init_transactions(15)
    producer.begin_transaction()
    ends.publish(producer, "letters")
    assert producer.flush(15) == 0
    consumer = ends.consumer(isolation_level="read_committed")
    consumer.assign([TopicPartition("letters", 0, 0)])
    ends.read(consumer, bool)
    producer.commit_transaction(15)


def test_a_partition_keeps_its_last_5_mib(broker, ends) -> None:
    producer = ends.producer()
    for _ in range(8):
        producer.produce("letters", bytes(900_000), partition=0)
        assert producer.flush(15) == 0
    low, high = ends.consumer().get_watermark_offsets(TopicPartition("letters", 0), 15)
    assert high == 8
    assert 5 <= high - low <= 6


def test_two_brokers_at_once_know_nothing_of_each_other(broker, ends) -> None:
    with EmbeddedBroker() as other:
        other.create_topic("elsewhere")
        assert other.bootstrap_servers != broker.bootstrap_servers
        assert partitions_of(ends) == {"letters": 1}


def test_every_broker_is_named_in_the_bootstrap_servers() -> None:
    with EmbeddedBroker(brokers=3) as broker:
        assert len(set(broker.bootstrap_servers.split(","))) == 3


def test_a_client_in_another_process_can_use_it(broker, ends) -> None:
    done = python(
        """
        import sys
        from confluent_kafka import Producer
        producer = Producer({"bootstrap.servers": sys.argv[1]})
        producer.produce("letters", b"from outside")
        sys.exit(producer.flush(15))
        """,
        broker.bootstrap_servers,
    )
    assert done.returncode == 0, done.stderr
    consumer = ends.consumer()
    consumer.subscribe(["letters"])
    (message,) = ends.read(consumer, bool)
    assert message.value() == b"from outside"


def test_commands_do_not_wait_for_the_next_tick_of_the_broker(broker) -> None:
    slowest = 0.0
    for number in range(500):
        started = time.monotonic()
        broker.create_topic(f"t{number}", partitions=1)
        slowest = max(slowest, time.monotonic() - started)
    # A command that waits for it takes a second.
    assert slowest < 0.9


def test_closing_frees_the_ports_and_may_be_repeated() -> None:
    broker = EmbeddedBroker()
    host, port = broker.bootstrap_servers.split(":")
    socket.create_connection((host, int(port)), timeout=5).close()
    broker.close()
    broker.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)


def test_a_closed_broker_refuses_by_name() -> None:
    with EmbeddedBroker() as broker:
        pass
    with pytest.raises(ClosedError, match="make a new one"):
        broker.create_topic("letters")
    with pytest.raises(ClosedError, match="make a new one"):
        broker.faults.broker_down()


def test_an_interpreter_with_an_open_broker_exits_in_silence() -> None:
    done = python(
        """
        from confluent_kafka import Producer
        from pat_events.testing import EmbeddedBroker
        broker = EmbeddedBroker(brokers=3)
        broker.create_topic("letters")
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_forked_process_leaves_the_broker_to_its_owner() -> None:
    done = python(
        """
        import os, sys, warnings
        from pat_events.errors import ClosedError
        from pat_events.testing import EmbeddedBroker
        # From Python 3.12 a fork beside threads, here the cluster's, is warned of.
        warnings.filterwarnings("ignore", ".* is multi-threaded, use of fork", DeprecationWarning)
        broker = EmbeddedBroker()
        if child := os.fork():
            assert os.waitpid(child, 0)[1] == 0
            broker.create_topic("letters")
        else:
            try:
                broker.create_topic("letters")
            except ClosedError as error:
                assert broker.bootstrap_servers in str(error)
            else:
                sys.exit("the child commands the parent's broker")
            broker.close()
        """
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_starting_and_closing_writes_nothing(capfd) -> None:
    EmbeddedBroker(brokers=2).close()
    assert capfd.readouterr() == ("", "")


def test_a_broker_starts_within_50_ms() -> None:
    fastest = 1.0
    for _ in range(5):
        started = time.monotonic()
        with EmbeddedBroker():
            fastest = min(fastest, time.monotonic() - started)
    assert fastest < 0.05


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "naïve", "x" * 250, "nul\0"])
def test_a_topic_name_kafka_would_refuse_is_refused(broker, name) -> None:
    with pytest.raises(ConfigError, match="is no topic name"):
        broker.create_topic(name)


def test_a_topic_is_created_once(broker) -> None:
    with pytest.raises(ConfigError, match=r"letters cannot be created.*already exists"):
        broker.create_topic("letters")


def test_a_topic_has_at_least_one_partition(broker) -> None:
    with pytest.raises(ConfigError, match="must be 1 or more"):
        broker.create_topic("none", partitions=0)


def test_there_is_at_least_one_broker() -> None:
    with pytest.raises(ConfigError, match="must be 1 or more"):
        EmbeddedBroker(brokers=0)


def test_a_librdkafka_without_the_mock_says_what_to_install(monkeypatch) -> None:
    librdkafka._function.cache_clear()
    monkeypatch.setattr(librdkafka, "_library", lambda: ctypes.CDLL(None))
    with pytest.raises(ConfigError, match="install the wheel of confluent-kafka"):
        EmbeddedBroker()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'EmbeddedBoker'"):
        _ = testing.EmbeddedBoker
