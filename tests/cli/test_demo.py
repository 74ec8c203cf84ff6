"""The demo as a person runs it."""

import mailbox
import re
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from pat_events import KafkaConfig
from pat_events.demo.mail import samples
from pat_events.transports.kafka.admin import KafkaAdmin


def adds_up(shown):
    sums = re.findall(
        r"^(\d+) mails? \w+ = (\d+) handled \+ (\d+) dead letters?$", shown, re.MULTILINE
    )
    assert len(sums) == 2, shown
    return all(int(total) == int(handled) + int(dead) for total, handled, dead in sums)


def test_the_samples_add_up_and_the_failing_one_is_shown(alone):
    result = alone("demo")
    assert result.returncode == 0, result.stderr
    assert adds_up(result.stdout)
    assert "12 mails published = 11 handled + 1 dead letter\n" in result.stdout
    assert "x-batch-9" in result.stdout
    assert not result.stderr


def test_two_runs_at_once_do_not_meet(alone):
    with alone.start("demo") as first, alone.start("demo") as second:
        shown = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0]
    assert all(adds_up(text) for text in shown)


def test_an_mbox_of_ones_own_goes_through(alone, tmp_path):
    box = mailbox.mbox(tmp_path / "box")
    for raw in samples()[:3]:
        box.add(raw)
    box.close()
    result = alone("demo", "--mail", tmp_path / "box")
    assert result.returncode == 0, result.stderr
    assert "3 mails published = 3 handled + 0 dead letters" in result.stdout


def test_one_mail_is_counted_as_one(alone, tmp_path):
    (tmp_path / "ONE.EML").write_bytes(samples()[0])
    result = alone("demo", "--mail", tmp_path)
    assert result.returncode == 0, result.stderr
    assert "1 mail published = 1 handled + 0 dead letters" in result.stdout


@pytest.mark.parametrize("name", ["absent", "empty", "empty-file"])
def test_a_path_without_mails_is_one_sentence(alone, tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty-file").touch()
    result = alone("demo", "--mail", tmp_path / name)
    assert result.returncode == 1
    assert result.stderr.startswith(f"pat-events: {tmp_path / name} ")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """More mails than any machine is through with before it is interrupted."""
    path = tmp_path_factory.mktemp("mails") / "box"
    raw = b"From a@example.com Mon Nov 16 09:12:44 2026\n" + samples()[0] + b"\n"
    path.write_bytes(raw * 30_000)
    return path


def interrupt(process, number):
    """Send a signal once events are on their way; returns what standard error says."""
    for line in process.stdout:
        if line.startswith("  published"):
            break
    process.send_signal(number)
    process.stdout.read()
    error = process.stderr.read()
    process.wait(60)
    return error


def test_ctrl_c_ends_the_demo_with_130_and_one_line(alone, many):
    with alone.start("demo", "--mail", many) as process:
        error = interrupt(process, signal.SIGINT)
    assert process.returncode == 130
    assert error.endswith("pat-events: interrupted\n")
    assert "Traceback" not in error


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_cut_short_leaves_nothing_on_a_cluster(alone, kafka_broker, many, number):
    options = ["--bootstrap", kafka_broker.bootstrap_servers]
    with alone.start("demo", "--mail", many, *options) as process:
        suffix = re.search(r"-demo-\w{8}", process.stdout.readline())[0]
        admin = KafkaAdmin(KafkaConfig(bootstrap_servers=kafka_broker.bootstrap_servers))
        interrupt(process, number)
    assert process.returncode == 128 + number
    left = [name for name in (*admin.layouts(), *admin.groups()) if suffix in name]
    assert not left


@pytest.mark.localstack
def test_a_demo_cut_short_leaves_nothing_on_aws(alone, aws, localstack_url, many):
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    place = {"AWS_ENDPOINT_URL": localstack_url, "AWS_DEFAULT_REGION": "us-east-1"}
    command = replace(alone, environ=alone.environ | keys | place)
    with command.start("demo", "--aws", "--mail", many) as process:
        suffix = re.search(r"-demo-\w{8}", process.stdout.readline())[0]
        interrupt(process, signal.SIGINT)
    assert process.returncode == 130
    sqs = aws.client("sqs")
    urls = sqs.list_queues().get("QueueUrls", [])
    sqs.close()
    assert not [url for url in urls if suffix in url]


def test_on_aws_it_wants_to_be_told_where(alone):
    names = ("AWS_", "PAT_EVENTS_AWS_")
    nowhere = {name: text for name, text in alone.environ.items() if not name.startswith(names)}
    result = replace(alone, environ=nowhere)("demo", "--aws")
    assert result.returncode == 1
    assert result.stderr.startswith("pat-events: no place is named: set AWS_ENDPOINT_URL")


def test_one_place_is_enough(alone):
    result = alone("demo", "--aws", "--bootstrap", "b:1")
    assert result.returncode == 2
    assert "name two places" in result.stderr


def test_without_its_extra_the_command_says_what_to_install():
    hidden = "import sys; sys.modules['typer'] = None; from pat_events.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", hidden], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 1
    assert result.stderr == "the command line needs more packages: pip install 'pat-events[cli]'\n"
