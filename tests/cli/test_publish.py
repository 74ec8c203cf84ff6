"""``pat-events publish``: what is written beside an event, and lines of a pipe as they come."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from pat_events.cli.app import app
from tests.cli.conftest import DEADLINE_S

SHELL = shutil.which("sh")


def records(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def line(email_id):
    return json.dumps({"email_id": email_id}) + "\n"


def feed(process, text):
    process.stdin.write(text)
    process.stdin.flush()


@pytest.mark.parametrize("stream", [[], ["--stream"]], ids=["whole", "stream"])
def test_headers_tenant_and_what_it_answers_are_written_beside_each_event(pat_events, stream):
    options = ["--header", "origin=import=1", "--header", "empty=", "--tenant", "acme"]
    options += ["--correlation-id", "c-1", "--causation-id", "e-0", *stream]
    published = pat_events("publish", "EmailReceived", *options, text=line("e-1"))
    assert len(records(published)) == 1
    [record] = records(pat_events("consume", "pat-emails", "--from-beginning", "--max", 1))
    envelope, event = record["envelope"], record["event"]
    assert envelope["tenant_id"] == event["metadata"]["tenant_id"] == "acme"
    assert envelope["correlation_id"] == event["metadata"]["correlation_id"] == "c-1"
    assert envelope["causation_id"] == "e-0"
    assert record["headers"]["origin"] == "import=1"
    assert record["headers"]["empty"] == ""


def test_what_answers_an_event_is_part_of_what_that_began(pat_events):
    tenant = {"PAT_EVENTS_TENANT_ID": "acme"}
    of_a_tenant = replace(pat_events, environ=pat_events.environ | tenant)
    published = of_a_tenant("publish", "EmailReceived", "--causation-id", "e-0", text=line("e-1"))
    assert len(records(published)) == 1
    [record] = records(pat_events("consume", "pat-emails", "--from-beginning", "--max", 1))
    assert record["envelope"]["correlation_id"] == "e-0"
    assert record["envelope"]["tenant_id"] == "acme"


@pytest.mark.parametrize(
    ("given", "reason"), [("nothing", "NAME=VALUE"), ("=v", "NAME=VALUE"), ("a=1", "twice")]
)
def test_a_header_that_is_none_is_refused_before_anything_is_read(given, reason):
    options = ["--header", "a=0", "--header", given]
    result = CliRunner().invoke(app, ["publish", "EmailReceived", *options])
    assert result.exit_code == 2
    assert reason in result.output


def test_a_header_of_the_envelope_is_refused(pat_events):
    result = pat_events("publish", "EmailReceived", "--header", "ce_id=1", text=line("e-1"))
    assert result.returncode == 1
    assert "belongs to the envelope" in result.stderr


def test_each_line_of_a_pipe_is_acknowledged_before_the_next_one_comes(pat_events):
    with pat_events.start("publish", "EmailReceived", "--stream") as process:
        for number in range(3):
            feed(process, line(f"e-{number}"))
            assert json.loads(process.stdout.readline())["offset"] >= 0
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.mark.kafka
def test_lines_of_a_pipe_reach_a_real_cluster_one_by_one(on_kafka, suffix):
    options = ["--stream", "--tenant", "acme", "--header", "origin=import"]
    with on_kafka.start("publish", "EmailReceived", *options) as process:
        ids = []
        for number in range(3):
            feed(process, line(f"e-{number}"))
            ids.append(json.loads(process.stdout.readline())["event_id"])
        process.stdin.close()
        assert process.wait(60) == 0
    consumed = on_kafka("consume", f"pat-emails{suffix}", "--from-beginning", "--max", 3)
    found = {record["envelope"]["event_id"]: record for record in records(consumed)}
    assert found.keys() == set(ids)
    assert {record["envelope"]["tenant_id"] for record in found.values()} == {"acme"}
    assert {record["headers"]["origin"] for record in found.values()} == {"import"}


def test_half_a_line_waits_for_the_other_half_and_the_last_needs_no_end(pat_events):
    with pat_events.start("publish", "EmailReceived", "--stream") as process:
        first, second = line("e-1") + line("e-2")[:5], line("e-2")[5:].rstrip()
        feed(process, first)
        assert json.loads(process.stdout.readline())["event_id"]
        out, err = process.communicate(second, 60)
    assert process.returncode == 0, err
    assert len(out.splitlines()) == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("nonsense", "line 4: not JSON"),
        ('{"sbject": "x"}', "line 4: no EmailReceived"),
        ("{}", "line 4: EmailReceived.email_id is empty"),
        (line("e-2" * 400_000).rstrip(), "line 4: EmailReceived "),
    ],
    ids=["no JSON", "another field", "no key", "too large"],
)
def test_a_bad_line_is_named_and_what_was_published_before_it(pat_events, bad, reason):
    text = f"{line('e-1')}\n{line('e-2')}{bad}\n{line('e-3')}"
    result = pat_events("publish", "EmailReceived", "--stream", text=text)
    assert result.returncode == 1
    assert len(result.stdout.splitlines()) == 2
    said = result.stderr.splitlines()
    assert reason in said[0]
    assert said[1:] == ["pat-events: published before it stopped: 2 events"]


@pytest.mark.parametrize("bad", ["{}", line("e-2" * 400_000)], ids=["no key", "too large"])
def test_without_stream_a_last_line_that_is_refused_keeps_all_from_being_published(pat_events, bad):
    result = pat_events("publish", "EmailReceived", text=f"{line('e-1')}{bad}")
    assert result.returncode == 1
    assert not result.stdout
    assert result.stderr.startswith("pat-events: line 2: EmailReceived")
    assert len(result.stderr.splitlines()) == 1


def test_more_lines_than_may_be_on_their_way_are_all_published(pat_events, tmp_path):
    path = tmp_path / "mails.jsonl"
    path.write_text("".join(line(f"e-{number}") for number in range(12_000)))
    assert len(records(pat_events("publish", "EmailReceived", path, "--stream"))) == 12_000


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_pipe_without_end(pat_events, number, code):
    with pat_events.start("publish", "EmailReceived", "--stream") as process:
        feed(process, line("e-1"))
        assert process.stdout.readline()
        process.send_signal(number)
        assert process.wait(60) == code
        assert not process.stderr.read()


@pytest.mark.parametrize("stream", [[], ["--stream"]], ids=["whole", "stream"])
def test_a_standard_input_that_is_closed_is_said(pat_events, stream):
    command = [sys.executable, "-m", "pat_events.cli", "publish", "EmailReceived", *stream]
    done = subprocess.run(
        [SHELL, "-c", '"$@" <&-', "sh", *command],
        env=pat_events.environ,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("pat-events: standard input is closed")
