"""``pat-events replay``, on a fake of EventBridge: LocalStack's replays are over at once."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from pat_events.cli.app import app
from tests.support.fake_aws import RefusedError, fake_aws

pytestmark = pytest.mark.usefixtures("aws_credentials")
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
SCOPE = "arn:aws:events:us-east-1:111122223333"
START = ["start", "--bus", "pat-dev", "--rule", "r"]
HOUR = ["--since", "2026-11-27T12:00Z", "--until", "2026-11-27T13:00Z"]


def described(state, minutes=None, **more):
    last = {}
    if minutes is not None:
        last["EventLastReplayedTime"] = (NOON + timedelta(minutes=minutes)).timestamp()
    return {
        "ReplayName": "again",
        "State": state,
        "EventSourceArn": f"{SCOPE}:archive/pat-dev-archive",
        "EventStartTime": NOON.timestamp(),
        "EventEndTime": (NOON + timedelta(hours=1)).timestamp(),
        "ReplayStartTime": (NOON + timedelta(hours=3)).timestamp(),
        **last,
        **more,
    }


def one_by_one(*answers):
    left = iter(answers)

    def answer(fields):
        found = next(left)
        if isinstance(found, Exception):
            raise found
        return found

    return answer


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr("pat_events.cli.replay.EVERY_S", 0.0)


@contextmanager
def replay(*arguments, **answers):
    """The command, with what AWS answers; and what AWS was asked."""
    with fake_aws(**answers) as aws:
        variables = {
            "PAT_EVENTS_AWS_ENDPOINT_URL": aws.address,
            "PAT_EVENTS_AWS_REGION": "us-east-1",
            "PAT_EVENTS_AWS_CLIENT_ATTEMPTS": "1",
        }
        yield CliRunner().invoke(app, ["replay", *arguments], env=variables), aws.asked


def test_start_prints_the_name_alone_for_watch_to_take():
    with replay(
        *START,
        *HOUR,
        DescribeArchive=lambda fields: {
            "ArchiveArn": f"{SCOPE}:archive/pat-dev-archive",
            "EventSourceArn": f"{SCOPE}:event-bus/pat-dev",
            "RetentionDays": 7,
        },
        DescribeRule=lambda fields: {},
        StartReplay=lambda fields: {"State": "STARTING"},
    ) as (result, asked):
        assert result.exit_code == 0, result.output
    name = result.stdout.strip()
    assert re.fullmatch(r"pat-dev-r-\d{8}T\d{6}Z", name)
    assert f"replay {name} is STARTING" in result.stderr
    assert dict(asked)["DescribeArchive"] == {"ArchiveName": "pat-dev-archive"}
    assert dict(asked)["StartReplay"]["ReplayName"] == name


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([*START, *HOUR[:2]], 2, "--until"),
        ([*START, *HOUR[:2], "--until", "noon"], 2, "is no time"),
        ([*START, *HOUR[2:], "--since", "2026-11-27T13:00Z"], 1, "has no events"),
        (["watch", "a b"], 1, "is no name of a replay"),
    ],
)
def test_wrong_options_say_what_is_right(arguments, code, words):
    with replay(*arguments) as (result, asked):
        assert result.exit_code == code
        assert words in " ".join(re.findall(r"[^\s│]+", result.output))
        assert asked == []


def test_watch_shows_each_change_and_ends_with_the_replay():
    states = [
        described("STARTING"),
        described("RUNNING", 15),
        described("RUNNING", 15),
        described("COMPLETED", 59),
    ]
    with replay("watch", "again", DescribeReplay=one_by_one(*states)) as (result, _):
        assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "STARTING     0%  last event none yet",
        "RUNNING     25%  last event 2026-11-27T12:15:00Z",
        "COMPLETED  100%  last event 2026-11-27T12:59:00Z",
    ]


def test_watch_goes_on_through_an_outage_and_fails_as_the_replay_does():
    states = [
        described("RUNNING"),
        RefusedError("ThrottlingException", "slow down"),
        described("FAILED", StateReason="the key is gone"),
    ]
    with replay("watch", "again", DescribeReplay=one_by_one(*states)) as (result, _):
        assert result.exit_code == 1
    assert "looking at replay again in us-east-1: throttled" in result.stderr
    assert "replay again is FAILED: the key is gone" in result.stderr


def test_watch_ends_in_time_and_the_replay_goes_on():
    with replay(
        "watch",
        "again",
        "--timeout",
        "0",
        "--json",
        DescribeReplay=lambda _: described("RUNNING", 6),
    ) as (result, asked):
        assert result.exit_code == 1
    assert "replay again is not over after 0 s: it goes on" in result.stderr
    (line,) = map(json.loads, result.stdout.splitlines())
    assert (line["state"], line["progress"]) == ("RUNNING", 0.1)
    assert line["last_event"] == "2026-11-27T12:06:00Z"
    assert [name for name, _ in asked] == ["DescribeReplay"]


def test_watch_ends_in_time_also_while_aws_does_not_answer():
    first = iter([described("RUNNING")])

    def answer(_):
        return next(first, None) or throttled()

    with replay("watch", "again", "--timeout", "0.3", DescribeReplay=answer) as (result, _):
        assert result.exit_code == 1
    assert "replay again is not over after 0.3 s" in result.stderr


def throttled():
    raise RefusedError("ThrottlingException", "slow down")


def test_list_has_the_latest_first():
    late = (NOON + timedelta(hours=4)).timestamp()
    pages = {
        "Replays": [
            described("RUNNING", 15),
            described("STARTING", ReplayName="b") | {"ReplayStartTime": late},
        ]
    }
    with replay("list", "--json", ListReplays=lambda _: pages) as (result, _):
        assert [json.loads(it)["name"] for it in result.stdout.splitlines()] == ["b", "again"]
    with replay("list", ListReplays=lambda _: pages) as (result, _):
        assert result.stdout.splitlines()[2].split() == [
            "again",
            "RUNNING",
            "25%",
            "2026-11-27T12:00:00Z",
            "2026-11-27T13:00:00Z",
            "2026-11-27T15:00:00Z",
        ]
    with replay("list", ListReplays=lambda _: {}) as (result, _):
        assert result.stdout == "there are no replays\n"


def test_cancel_says_what_became_of_it():
    with replay("cancel", "again", CancelReplay=lambda _: {"State": "CANCELLING"}) as (result, _):
        assert (result.exit_code, result.stdout) == (0, "replay again is CANCELLING\n")
