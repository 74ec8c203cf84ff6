"""What ``doctor`` finds on AWS's side: LocalStack, with a proxy before it where rights lack."""

from __future__ import annotations

import json
import sys
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from pat_events.ops.aws_doctor import Wanted, _clock, examine_aws
from pat_events.ops.doctor import Outcome
from pat_events.ops.queue_checks import queue_checks
from pat_events.transports.aws import inspection
from pat_events.transports.aws.config import AwsConfig
from tests.support.fault_proxy import DOWN, FINE, Fate, FaultProxy

FINE_, WRONG, UNKNOWN = Outcome.FINE, Outcome.WRONG, Outcome.UNKNOWN
DENIED = Fate(refused=(403, "AccessDenied"))


class Platform:
    """Queues, a bus and a topic whose names begin with one of their own."""

    def __init__(self, aws, stack):
        self.name = f"doc-{uuid.uuid4().hex[:8]}"
        self._clients = {each: aws.client(each) for each in ("sqs", "events", "sns", "kms")}
        self._stack = stack
        for client in self._clients.values():
            stack.callback(client.close)

    def queue(self, name="q", dead=None, receives=3, **attributes):
        sqs = self._clients["sqs"]
        name = f"{self.name}-{name}"
        if dead is not None:
            policy = {"deadLetterTargetArn": dead, "maxReceiveCount": receives}
            attributes["RedrivePolicy"] = json.dumps(policy)
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self._stack.callback(sqs.delete_queue, QueueUrl=url)
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return name, url, asked["Attributes"]["QueueArn"]

    def sound_queue(self, **attributes):
        _, _, dead = self.queue("q-dlq", MessageRetentionPeriod="1209600")
        return self.queue(dead=dead, **attributes)

    def bus(self, *, rule=True, archive=True):
        events = self._clients["events"]
        arn = events.create_event_bus(Name=self.name)["EventBusArn"]
        self._stack.callback(events.delete_event_bus, Name=self.name)
        if rule:
            pattern = json.dumps({"source": ["pat.smtp"]})
            events.put_rule(Name="r", EventBusName=self.name, EventPattern=pattern)
            self._stack.callback(events.delete_rule, Name="r", EventBusName=self.name)
        if archive:
            name = f"{self.name}-archive"
            events.create_archive(ArchiveName=name, EventSourceArn=arn, RetentionDays=7)
            self._stack.callback(events.delete_archive, ArchiveName=name)
        return self.name

    def topic(self, to=None):
        sns = self._clients["sns"]
        arn = sns.create_topic(Name=self.name)["TopicArn"]
        self._stack.callback(sns.delete_topic, TopicArn=arn)
        if to:
            sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=to)
        return arn

    def key(self, *, enabled=True):
        kms = self._clients["kms"]
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        if not enabled:
            kms.disable_key(KeyId=key)
        return key


@pytest.fixture
def surroundings(monkeypatch, localstack_url):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "PAT_EVENTS_AWS_REGION": "us-east-1",
        "PAT_EVENTS_AWS_ENDPOINT_URL": localstack_url,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def platform(aws, surroundings):
    with ExitStack() as stack:
        yield Platform(aws, stack)


@pytest.fixture
def denying(localstack_url, monkeypatch):
    """Stands before LocalStack and does not permit the operations that are named."""
    denied = set()
    with FaultProxy(
        localstack_url, lambda call: DENIED if call.operation in denied else FINE
    ) as it:
        monkeypatch.setenv("PAT_EVENTS_AWS_ENDPOINT_URL", it.address)
        yield denied


def examined(**wanted):
    return {check.name: check for check in examine_aws(Wanted(**wanted))}


def outcomes(found):
    return {name: check.outcome for name, check in found.items()}


@pytest.mark.localstack
class TestQueue:
    def test_one_that_a_consumer_can_work_with_is_fine(self, platform):
        name, url, _ = platform.sound_queue()
        for written in (name, url):
            found = examined(queues=[written])
            assert set(outcomes(found).values()) == {FINE_}
            assert list(found) == [
                "boto3", "aws region", "aws credentials", "aws clock",
                f"queue {name}", f"queue {name}: rights",
            ]  # fmt: skip
            assert (
                f"after 3 receives to {name}-dlq; 0 dead letters" in found[f"queue {name}"].finding
            )
            assert "of account 000000000000" in found["aws credentials"].finding

    def test_asking_costs_no_message_a_receive_and_sends_none(self, platform):
        name, url, _ = platform.sound_queue()
        sqs = platform._clients["sqs"]
        sqs.send_message(QueueUrl=url, MessageBody="{}")
        examined(queues=[name], targets=[f"sqs:{name}"])
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        )
        (message,) = answer["Messages"]
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"

    def test_one_that_is_missing_is_wrong(self, platform):
        check = examined(queues=["no-such"])["queue no-such"]
        assert check.outcome is WRONG
        assert "there is no queue no-such in us-east-1" in check.finding

    def test_one_without_redrive_needs_dead_letters_of_the_consumer(self, platform):
        name, _, _ = platform.queue()
        check = examined(queues=[name])[f"queue {name}"]
        assert (check.outcome, "no redrive policy" in check.finding) == (UNKNOWN, True)
        assert "dead_letters" in check.advice

    def test_a_dead_letter_queue_needs_none(self, platform):
        name, _, _ = platform.sound_queue()
        check = examined(queues=[f"{name}-dlq"])[f"queue {name}-dlq"]
        assert (check.outcome, f"the dead-letter queue of {name}" in check.finding) == (FINE_, True)

    @pytest.mark.parametrize(
        ("receives", "dead", "finding", "advice"),
        [
            (1, {}, "one receive moves a message away", "raise maxReceiveCount"),
            (3, {"MessageRetentionPeriod": "86400"}, "keeps messages 1 days", "for 14 days"),
            (
                3,
                {"RedriveAllowPolicy": '{"redrivePermission": "denyAll"}'},
                "takes no messages of this queue",
                "RedriveAllowPolicy",
            ),
        ],
    )
    def test_a_redrive_that_loses_messages_is_wrong(
        self, platform, receives, dead, finding, advice
    ):
        dead = {"MessageRetentionPeriod": "1209600", **dead}
        _, _, arn = platform.queue("q-dlq", **dead)
        name, _, _ = platform.queue(dead=arn, receives=receives)
        check = examined(queues=[name])[f"queue {name}"]
        assert check.outcome is WRONG
        assert finding in check.finding
        assert advice in check.advice

    @pytest.mark.parametrize(
        ("denied", "right"),
        [
            ("ReceiveMessage", "sqs:ReceiveMessage"),
            ("DeleteMessage", "sqs:DeleteMessage"),
            ("ChangeMessageVisibility", "sqs:ChangeMessageVisibility"),
        ],
    )
    def test_a_right_that_a_consumer_lacks_is_named(self, platform, denying, denied, right):
        name, _, _ = platform.sound_queue()
        denying.add(denied)
        check = examined(queues=[name])[f"queue {name}: rights"]
        assert (check.outcome, check.finding) == (WRONG, f"not permitted: {right}")

    def test_who_only_sends_need_not_look(self, platform, denying):
        name, _, _ = platform.sound_queue()
        denying |= {"GetQueueAttributes"}
        assert examined(queues=[name])[f"queue {name}"].outcome is WRONG
        assert examined(targets=[f"sqs:{name}"])[f"queue {name}"].outcome is UNKNOWN

    def test_the_right_to_send_is_tried(self, platform, denying):
        name, _, _ = platform.sound_queue()
        rights = f"queue {name}: rights"
        assert examined(targets=[f"sqs:{name}"])[rights].outcome is FINE_
        denying.add("SendMessage")
        assert examined(targets=[f"sqs:{name}"])[rights].finding == "not permitted: sqs:SendMessage"

    def test_its_key_is_looked_at_and_what_cannot_be_tried_is_said(self, platform):
        name, _, _ = platform.sound_queue(KmsMasterKeyId=platform.key())
        check = examined(queues=[name])[f"queue {name}: key"]
        assert (check.outcome, "kms:Decrypt on it cannot be tried" in check.finding) == (
            UNKNOWN,
            True,
        )

    def test_of_its_key_nobody_is_to_have_a_right_who_neither_sends_nor_receives(self, platform):
        name, _, _ = platform.sound_queue(KmsMasterKeyId=platform.key())
        with inspection.Inspection(AwsConfig.from_env(), 10) as asked:
            check = {it.name: it for it in queue_checks(asked, name)}[f"queue {name}: key"]
        assert (check.outcome, check.advice) == (FINE_, "")

    def test_a_key_that_is_disabled_is_wrong(self, platform):
        name, _, _ = platform.sound_queue(KmsMasterKeyId=platform.key(enabled=False))
        check = examined(queues=[name])[f"queue {name}: key"]
        assert (check.outcome, "is Disabled" in check.finding) == (WRONG, True)


@pytest.mark.localstack
class TestBus:
    def test_one_with_rules_and_an_archive_is_fine(self, platform):
        name = platform.bus()
        found = examined(targets=[f"eventbridge:{name}"])
        assert set(outcomes(found).values()) == {FINE_}
        assert found[f"bus {name}"].finding == "1 rule"
        assert found[f"archive of {name}"].finding == f"{name}-archive keeps events for 7 days"
        assert "pat.smtp" in found[f"bus {name}: rights"].finding

    def test_one_without_rules_is_wrong_and_one_without_an_archive_is_told(self, platform):
        name = platform.bus(rule=False, archive=False)
        found = examined(targets=[f"eventbridge:{name}"])
        assert found[f"bus {name}"].outcome is WRONG
        assert "no enabled rule" in found[f"bus {name}"].finding
        archive = found[f"archive of {name}"]
        assert (archive.outcome, archive.advice) == (FINE_, "")
        assert archive.finding == "none: what is on the bus cannot be replayed later"

    def test_one_that_is_missing_is_wrong_and_nothing_more_is_asked_of_it(self, platform):
        found = examined(targets=["eventbridge:no-such"])
        assert found["bus no-such"].outcome is WRONG
        assert list(found)[-1] == "bus no-such"

    def test_rights_are_those_for_the_sources_of_what_is_published(
        self, platform, localstack_url, monkeypatch
    ):
        name = platform.bus()

        def only_smtp(call):
            sources = [
                each.get("Source") for each in getattr(call, "fields", {}).get("Entries", ())
            ]
            return DENIED if sources and sources != ["pat.smtp"] else FINE

        with FaultProxy(localstack_url, only_smtp) as proxy:
            monkeypatch.setenv("PAT_EVENTS_AWS_ENDPOINT_URL", proxy.address)
            all_of_them = examined(targets=[f"eventbridge:{name}"])[f"bus {name}: rights"]
            own = examined(targets=[f"eventbridge:{name}"], publishes=["EmailReceived"])
        assert all_of_them.outcome is WRONG
        assert all_of_them.finding.endswith("; permitted of pat.smtp")
        assert own[f"bus {name}: rights"].outcome is FINE_

    def test_who_may_not_look_may_put_all_the_same(self, platform, denying):
        name = platform.bus()
        denying.add("DescribeEventBus")
        found = examined(targets=[f"eventbridge:{name}"])
        assert found[f"bus {name}"].outcome is UNKNOWN
        assert found[f"bus {name}: rights"].outcome is FINE_


@pytest.mark.localstack
class TestTopic:
    def test_one_with_a_subscription_is_fine(self, platform):
        _, _, queue = platform.queue()
        found = examined(targets=[f"sns:{platform.topic(to=queue)}"])
        assert set(outcomes(found).values()) == {FINE_}, found
        assert found[f"topic {platform.name}"].finding == "1 subscription"

    def test_one_that_nobody_listens_to_is_wrong(self, platform):
        found = examined(targets=[f"sns:{platform.topic()}"])
        assert "nobody is subscribed" in found[f"topic {platform.name}"].finding

    def test_the_right_to_publish_is_tried(self, platform, denying):
        denying |= {"Publish", "GetTopicAttributes"}
        found = examined(targets=[f"sns:{platform.topic()}"])
        assert found[f"topic {platform.name}"].outcome is UNKNOWN
        assert found[f"topic {platform.name}: rights"].finding == "not permitted: sns:Publish"

    def test_one_that_is_missing_is_wrong(self, platform):
        found = examined(targets=["sns:arn:aws:sns:us-east-1:000000000000:no-such"])
        assert found["topic no-such"].outcome is WRONG


@pytest.mark.localstack
def test_of_a_platform_the_bus_and_the_queues_of_the_catalogue_are_looked_at(platform):
    platform.bus()
    found = examined(platform=platform.name)
    assert found[f"bus {platform.name}"].outcome is FINE_
    assert f"queue {platform.name}-email-processing" in found
    assert any(name.endswith(".fifo") for name in found)
    assert not any(name.endswith("rights") for name in found)


class TestSurroundings:
    def test_without_boto3_there_is_nothing_else_to_say(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "boto3", None)
        (check,) = examined(queues=["q"]).values()
        assert (check.outcome, check.advice) == (WRONG, "pip install 'pat-events[aws]'")

    def test_without_a_region_nobody_can_be_asked(self, monkeypatch, tmp_path):
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "PAT_EVENTS_AWS_REGION"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        found = examined(queues=["q"])
        assert list(found)[-1] == "aws region"
        assert found["aws region"].outcome is WRONG

    @pytest.mark.parametrize(
        ("target", "finding"),
        [
            ("sqz:q", "'sqz:q' is no target"),
            ("kafka", "kafka is looked at without '--to'"),
            ("sns:emails", "is no SNS topic"),
        ],
    )
    def test_what_is_no_target_is_said(self, target, finding):
        checks = examine_aws(Wanted(targets=[target]))
        check = next(each for each in checks if each.name == f"target {target}")
        assert (check.outcome, finding in check.finding) == (WRONG, True)

    @pytest.mark.localstack
    def test_one_that_is_no_target_keeps_nothing_else_from_being_looked_at(self, surroundings):
        found = examined(targets=["sns:top", "eventbridge:no-such", "sqz:q"], queues=["no-queue"])
        wrong = [name for name, outcome in outcomes(found).items() if outcome is WRONG]
        assert wrong == ["target sns:top", "target sqz:q", "queue no-queue", "bus no-such"]

    @pytest.mark.localstack
    @pytest.mark.parametrize(
        ("code", "outcome"), [("ExpiredToken", WRONG), ("InvalidClientTokenId", WRONG)]
    )
    def test_credentials_that_are_good_no_more_end_it(
        self, surroundings, localstack_url, monkeypatch, code, outcome
    ):
        with FaultProxy(localstack_url, lambda call: Fate(refused=(403, code))) as proxy:
            monkeypatch.setenv("PAT_EVENTS_AWS_ENDPOINT_URL", proxy.address)
            found = examined(queues=["q"])
        assert list(found)[-1] == "aws credentials"
        assert found["aws credentials"].outcome is outcome
        assert "sign in again" in found["aws credentials"].advice

    @pytest.mark.localstack
    def test_where_sts_does_not_answer_the_rest_is_asked(
        self, platform, localstack_url, monkeypatch
    ):
        name, _, _ = platform.sound_queue()

        def sts_is_down(call):
            return DOWN if call.operation == "GetCallerIdentity" else FINE

        with FaultProxy(localstack_url, sts_is_down) as proxy:
            monkeypatch.setenv("PAT_EVENTS_AWS_ENDPOINT_URL", proxy.address)
            found = examined(queues=[name])
        assert found["aws credentials"].outcome is UNKNOWN
        assert found[f"queue {name}"].outcome is FINE_

    def test_what_cannot_be_reached_is_wrong(self, monkeypatch):
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "PAT_EVENTS_AWS_REGION": "us-east-1",
            "PAT_EVENTS_AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "PAT_EVENTS_CONNECT_TIMEOUT_S": "1",
        }.items():
            monkeypatch.setenv(name, value)
        found = examined(queues=["q"], targets=["eventbridge:b"])
        assert found["aws credentials"].outcome is UNKNOWN
        assert (found["queue q"].outcome, found["bus b"].outcome) == (WRONG, WRONG)
        assert "network path" in found["queue q"].advice

    @pytest.mark.parametrize(
        ("skew_s", "outcome", "finding"),
        [
            (2.0, FINE_, "within 60 s"),
            (400.4, WRONG, "400 s ahead of AWS's"),
            (-400.4, WRONG, "400 s behind AWS's"),
            (None, UNKNOWN, "told no time"),
        ],
    )
    def test_a_clock_is_compared_with_that_of_aws(self, skew_s, outcome, finding):
        check = _clock(skew_s)
        assert (check.outcome, finding in check.finding) == (outcome, True)

    def test_how_far_the_clock_is_off_is_read_of_an_answer(self):
        now = datetime.now(UTC)
        told = (now - timedelta(seconds=400)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        answer = {"ResponseMetadata": {"HTTPHeaders": {"date": told}}}
        assert inspection._skew_s(answer) == pytest.approx(400, abs=2)
        assert inspection._skew_s({}) is None
