"""A group member whose client, broker or listener fails: it says so, and nothing is skipped."""

from __future__ import annotations

import time
from contextlib import ExitStack
from ctypes import (
    c_char_p,
    c_int,
    c_size_t,
    c_ssize_t,
    c_void_p,
    create_string_buffer,
)
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace as Namespace

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pat_events import KafkaConfig, KafkaTransport, Producer
from pat_events.errors import HoldError, NotPermittedError, TransportError
from pat_events.events import EmailReceived
from pat_events.testing import Api
from pat_events.testing.librdkafka import _library
from pat_events.transports.kafka.commits import Commits
from pat_events.transports.kafka.receiver import KafkaReceiver
from pat_events.transports.kafka.topics import Mark
from tests.support.waiting import DEADLINE_S, until

TOPIC = "pat-emails"


class Listener:
    def __init__(self):
        self.owned = set()

    def assigned(self, partitions):
        self.owned |= set(partitions)

    def revoked(self, partitions):
        self.owned -= set(partitions)

    lost = revoked


class Doubly:
    """A client that does something more in one of its methods."""

    def __init__(self, client, **methods):
        self._client = client
        self.__dict__ |= methods

    def __getattr__(self, name):
        return getattr(self._client, name)


@pytest.fixture
def config(kafka):
    return KafkaConfig(
        bootstrap_servers=kafka.bootstrap_servers, client_properties={"fetch.wait.max.ms": "10"}
    )


@pytest.fixture
def publish(config):
    with Producer(transport=KafkaTransport(config)) as producer:

        def publish(*subjects):
            for subject in subjects:
                producer.publish(EmailReceived(email_id="e", subject=subject)).result(DEADLINE_S)

        yield publish


@pytest.fixture
def join(config):
    ends = ExitStack()

    def join(listener=None, start="earliest", protocol="classic"):
        settings = KafkaConfig(
            bootstrap_servers=config.bootstrap_servers,
            client_properties=config.client_properties,
            group_protocol=protocol,
        )
        receiver = KafkaReceiver(settings, "group", start)
        ends.callback(receiver.close)
        receiver.subscribe([TOPIC], listener or Listener())
        return receiver

    with ends:
        yield join


def look_for_positions_with(receiver, **methods):
    """Give a receiver's search for positions a client that does something more."""
    positions = receiver._rebalancing._positions
    find = positions.find
    positions.find = lambda client, partitions: find(Doubly(client, **methods), partitions)


def read_until(receiver, done):
    """Poll until it is true of what was read; returns the subjects."""
    got = []
    until(lambda: done(got) or got.extend(receiver.poll(100, 0.05)))
    return [EmailReceived.FromString(it.value).subject for it in got]


def test_a_client_that_never_reads_again_says_so(kafka, join):
    errors = [KafkaError.UNSUPPORTED_VERSION] * 3
    kafka.faults.push_request_errors(Api.CONSUMER_GROUP_HEARTBEAT, *errors)
    receiver = join(protocol="consumer")
    with pytest.raises(HoldError, match="start it again"):
        read_until(receiver, lambda _: False)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_closing_asks_nothing_about_partitions_that_are_assigned_meanwhile(join, protocol):
    listener = Listener()
    pauses = count()

    def closed_while_assigned():
        receiver = join(listener, protocol=protocol)
        until(receiver._client.memberid)  # It joins on its own, and nobody polls.
        time.sleep(next(pauses) * 0.05)  # Nothing tells of an assignment that waits to be polled.
        rebalancing = receiver._rebalancing
        taken, take = [], rebalancing._take
        rebalancing._take = lambda client, new: (taken.extend(new), take(client, new))
        rebalancing._positions = None  # Would be waited for for 30 s, and then be a HoldError.
        receiver.close()
        assert listener.owned == set()
        return taken

    until(closed_while_assigned)


@pytest.mark.parametrize("when", ["assigned", "revoked"])
def test_what_a_rebalance_raises_is_raised_where_it_can_be_caught(join, when):
    def fail(_):
        raise LookupError("of the listener")

    listener = Listener()
    setattr(listener, when, fail)
    receiver = join(listener)
    if when == "assigned":
        with pytest.raises(HoldError, match="LookupError") as raised:
            read_until(receiver, lambda _: False)
    else:
        read_until(receiver, lambda _: listener.owned)
        with pytest.raises(HoldError, match="LookupError") as raised:
            receiver.close()
    assert isinstance(raised.value.__cause__, LookupError)


def test_a_failure_that_stops_the_member_is_raised_although_records_keep_coming(join, publish):
    publish("0", "1", "2")
    receiver = join()
    read_until(receiver, lambda got: got)
    receiver._errors.fail(HoldError("it is over"))
    receiver._errors.fail(TransportError("a lesser trouble"))
    with pytest.raises(HoldError, match="it is over"):
        receiver.poll(1, 0)


def test_what_comes_while_a_start_time_is_looked_up_is_not_skipped(join, publish):
    publish("old")
    start = datetime.now(UTC)
    receiver = join(start=start)

    def offsets_for_times(*args, **kwargs):
        found = receiver._client.offsets_for_times(*args, **kwargs)
        publish("new")
        return found

    look_for_positions_with(receiver, offsets_for_times=offsets_for_times)
    assert read_until(receiver, lambda got: got) == ["new"]


@pytest.mark.parametrize(
    "error",
    [
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.KAFKA_STORAGE_ERROR,
    ],
)
def test_a_leader_that_is_on_its_way_is_waited_for(kafka, join, publish, error):
    publish("0")
    kafka.faults.push_request_errors(Api.LIST_OFFSETS, *[error] * 5)
    receiver = join()
    assert read_until(receiver, lambda got: got) == ["0"]


@pytest.mark.parametrize("failing", ["committed", "get_watermark_offsets"])
@pytest.mark.parametrize("error", [KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC])
def test_a_topic_that_this_client_does_not_know_yet_is_waited_for(join, publish, failing, error):
    publish("0")
    receiver = join()
    calls = []

    def method(*args, **kwargs):
        calls.append(args)
        if len(calls) < 3:
            raise KafkaException(KafkaError(error))
        return getattr(receiver._client, failing)(*args, **kwargs)

    look_for_positions_with(receiver, **{failing: method})
    assert read_until(receiver, lambda got: got) == ["0"]
    assert len(calls) >= 3


@pytest.mark.parametrize(
    ("metadata", "read"),
    [
        (str(Mark("c", "-", 12)), ["new"]),  # of a member that has just begun beside us
        (str(Mark("c", "-", 1)), ["old", "new"]),  # the group began with one partition
        ("of another tool", ["old", "new"]),
    ],
)
def test_what_is_beside_a_groups_positions_tells_whether_a_partition_is_new_to_it(
    config, join, publish, metadata, read
):
    publish("old")
    client = Consumer({"bootstrap.servers": config.bootstrap_servers, "group.id": "group"})
    client.commit(offsets=[TopicPartition(TOPIC, 0, 0, metadata)], asynchronous=False)
    client.close()
    receiver = join(start="latest")
    before = read_until(receiver, lambda _: receiver._rebalancing.listener.owned)
    publish("new")
    assert before + read_until(receiver, lambda got: len(before + got) == len(read)) == read


def test_an_error_of_one_partition_among_others_that_were_committed_is_told(caplog):
    asked = [TopicPartition(TOPIC, number, 7) for number in (0, 1)]
    commits = Commits()
    commits.ask(Namespace(commit=lambda **_: None), asked)
    answered = [Namespace(topic=TOPIC, partition=n, offset=7, error=None) for n in (0, 1)]
    answered[1].error = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    commits.answered(None, answered)
    assert "a commit failed" in caplog.text
    ((offsets, _, error),) = commits.answers()
    assert offsets == {(TOPIC, 0): 7, (TOPIC, 1): 7}
    assert isinstance(error, NotPermittedError)


@pytest.mark.parametrize("error", [None, KafkaError(KafkaError.ILLEGAL_GENERATION)])
def test_a_commit_that_was_waited_for_or_that_a_rebalance_overtook_has_no_answer(caplog, error):
    commits, position = Commits(), TopicPartition(TOPIC, 0, 7)
    if error is not None:
        commits.ask(Namespace(commit=lambda **_: None), [position])
    commits.answered(error, [Namespace(topic=TOPIC, partition=0, offset=7, error=None)])
    assert list(commits.answers()) == []
    assert not [it for it in caplog.records if it.levelname == "WARNING"]


def test_what_the_cluster_refuses_to_commit_is_told_without_being_waited_for(kafka, join, publish):
    publish("a")
    receiver = join()
    read_until(receiver, lambda got: got)
    (pair,) = [pair for pair, end in receiver.log_ends().items() if end]
    kafka.faults.push_request_errors(Api.OFFSET_COMMIT, KafkaError.GROUP_AUTHORIZATION_FAILED)
    receiver.commit({pair: 1}, wait=False)
    answers = []
    until(lambda: receiver.poll(1, 0.05) or answers.extend(receiver.commit_answers()) or answers)
    ((offsets, _, error),) = answers
    assert offsets == {pair: 1}
    assert isinstance(error, NotPermittedError)


def test_commits_that_nobody_answers_are_kept_up_to_a_bound():
    commits = Commits()
    for offset in range(1_000):
        position = TopicPartition(TOPIC, 0, offset)
        commits.ask(Namespace(commit=lambda **_: None), [position])
    assert len(commits._asked) == 100


@pytest.mark.parametrize("failed", [0, 1])
def test_a_commit_that_fails_for_one_partition_fails(join, failed):
    receiver = join()
    read_until(receiver, lambda _: receiver._rebalancing.listener.owned)
    answers = [Namespace(topic=TOPIC, partition=number, error=None) for number in (0, 1)]
    answers[failed].error = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    receiver._client = Doubly(receiver._client, commit=lambda **_: answers)
    with pytest.raises(TransportError, match=f"committing {TOPIC}/{failed}"):
        receiver.commit({(TOPIC, 0): 1, (TOPIC, 1): 1}, wait=True)


def test_a_first_position_saved_late_does_not_undo_a_commit(kafka, join, publish):
    publish("0", "1")
    kafka.faults.push_request_errors(Api.OFFSET_COMMIT, KafkaError.GROUP_AUTHORIZATION_FAILED)
    receiver = join()
    listener = receiver._rebalancing.listener
    read_until(receiver, lambda _: listener.owned)
    kafka.faults.clear_request_errors(Api.OFFSET_COMMIT)
    (mine,) = {pair for pair in listener.owned if pair[1] == 3}
    receiver.commit({mine: 2}, wait=True)
    receiver.poll(1, 0)
    (position,) = receiver._client.committed([TopicPartition(*mine)], timeout=DEADLINE_S)
    assert position.offset == 2


def test_the_last_commit_is_given_up_at_once_where_no_broker_is_left(
    kafka, join, publish, monkeypatch
):
    refused = []

    class Committing(Listener):
        def revoked(self, partitions):
            with pytest.raises(TransportError, match="committing") as raised:
                receiver.commit({(TOPIC, 3): 1}, wait=True)
            refused.append(raised.value)

    monkeypatch.setattr("pat_events.transports.kafka.leaving._COORDINATOR_ANSWER_S", 0.2)
    publish("0")
    receiver = join(Committing())
    read_until(receiver, lambda got: got)
    kafka.faults.broker_down()
    began = time.monotonic()
    receiver.close()
    assert time.monotonic() - began < 10  # The client by itself takes 45 s.
    assert len(refused) == 1
    kafka.faults.broker_up()


def test_a_header_name_that_is_no_text_costs_the_headers_and_not_the_group(kafka, join, publish):
    receiver = join()
    # So many that the interpreter specialises the calls, which then no longer look for an error.
    publish(*map(str, range(100)))
    read_until(receiver, lambda got: len(got) == 100)
    _produce_raw(
        kafka.bootstrap_servers, b"\xff\xfename", EmailReceived(email_id="e").SerializeToString()
    )
    assert read_until(receiver, lambda got: got) == [""]
    publish("after")
    assert read_until(receiver, lambda new: new) == ["after"]


def _produce_raw(servers, header_name, value):
    """Write a record as a client in C does; Python's takes names that are text only."""
    library = _library()
    for name, result, arguments in (
        ("conf_new", c_void_p, []),
        ("conf_set", c_int, [c_void_p, c_char_p, c_char_p, c_char_p, c_size_t]),
        ("new", c_void_p, [c_int, c_void_p, c_char_p, c_size_t]),
        ("flush", c_int, [c_void_p, c_int]),
        ("destroy", None, [c_void_p]),
    ):
        function = getattr(library, f"rd_kafka_{name}")
        function.restype, function.argtypes = result, arguments
    reason = create_string_buffer(512)
    conf = library.rd_kafka_conf_new()
    assert library.rd_kafka_conf_set(conf, b"bootstrap.servers", servers.encode(), reason, 512) == 0
    client = library.rd_kafka_new(0, conf, reason, 512)
    assert client, reason.value
    produce = library.rd_kafka_producev
    topic, partition, payload, copy, header, end = 1, 3, 4, 7, 9, 0
    assert (
        produce(
            c_void_p(client),
            *(topic, c_char_p(TOPIC.encode())),
            *(partition, c_int(0)),
            *(payload, c_char_p(value), c_size_t(len(value))),
            *(copy, c_int(2)),
            *(header, c_char_p(header_name), c_char_p(b"v"), c_ssize_t(1)),
            end,
        )
        == 0
    )
    assert library.rd_kafka_flush(client, 15_000) == 0
    library.rd_kafka_destroy(client)
