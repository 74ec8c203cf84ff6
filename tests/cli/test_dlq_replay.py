"""``pat-events dlq replay`` as a person types it."""

from __future__ import annotations

import signal

import pytest
from typer.testing import CliRunner

from pat_events import KafkaConfig
from pat_events.cli.app import app
from pat_events.ops.cluster import Cluster
from pat_events.ops.letters import audit
from pat_events.ops.tail import read_stored
from tests.support.clusters import send
from tests.support.dead_letters import FAILED_MS, GROUP, LETTERS, RETRY, letter
from tests.support.waiting import until

WHY = ["--why", "mail API is back"]


@pytest.fixture
def cluster(broker):
    return Cluster(
        KafkaConfig(bootstrap_servers=broker, client_properties={"fetch.wait.max.ms": "10"})
    )


@pytest.fixture
def replay(broker):
    def run(*arguments, text=None):
        variables = {
            "PAT_EVENTS_BOOTSTRAP_SERVERS": broker,
            "PAT_EVENTS_CLIENT_PROPERTIES": "fetch.wait.max.ms=10",
        }
        return CliRunner().invoke(app, ["dlq", "replay", *arguments], env=variables, input=text)

    return run


def ids(cluster):
    admin = cluster.admin([RETRY])
    pairs = [(RETRY, number) for number in range(admin.partitions[RETRY])]
    stored = read_stored(cluster, admin.ends(pairs))
    return sorted(each.header_values["ce_id"].decode() for each in stored)


def test_a_replay_says_how_many_and_the_next_one_that_there_are_none(replay, broker, cluster):
    send(broker, letter("a"), letter("b", error=LookupError("no")), letter("c", replays=3))
    first = replay(GROUP, "--cause", "ConnectionError", *WHY)
    assert first.stdout == "1 letter replayed of 3 that were looked at\n"
    assert "not sent: 1 letter replayed 3 times or more; --include-quarantined" in first.stderr
    assert first.exit_code == 1
    second = replay(LETTERS, "--all", *WHY)
    assert second.stdout == "1 letter replayed of 3 that were looked at\n"
    assert "1 letter had been replayed before: --again" in second.stderr
    assert ids(cluster) == ["id-a", "id-b"]


def test_a_dry_run_shows_causes_and_hours_and_needs_no_all(replay, broker, cluster):
    send(broker, letter("a"), letter("b"), letter("c", failed_ms=FAILED_MS + 7_200_000))
    shown = replay(GROUP, "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert [" ".join(line.split()) for line in shown.stdout.splitlines()] == [
        "letters reason error handler",
        "3 attempts-exhausted ConnectionError emails.process",
        "letters failed last",
        f"2 2026-11-18 11h {'#' * 40}",
        f"1 2026-11-18 13h {'#' * 20}",
        "3 letters would be sent; nothing was",
    ]
    assert ids(cluster) == []


@pytest.mark.parametrize("as_input", [False, True], ids=["file", "input"])
def test_events_are_named_by_a_file_of_ids(replay, broker, cluster, tmp_path, as_input):
    send(broker, letter("a"), letter("b"), letter("c"))
    path = tmp_path / "ids.txt"
    path.write_text("id-a\n\nid-c\n", "utf-8")
    if as_input:
        done = replay(GROUP, "--id-file", "-", *WHY, text=path.read_text("utf-8"))
    else:
        done = replay(GROUP, "--id-file", str(path), *WHY)
    assert done.exit_code == 0, done.output
    assert ids(cluster) == ["id-a", "id-c"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 1, "nothing says which letters"),
        (["--all"], 1, "say why"),
        (["--all", "--why", " "], 1, "say why"),
        (["--all", "--key", "a", *WHY], 2, "--all is every letter"),
        (["--id-file", "none.txt", *WHY], 1, "none.txt cannot be read: No such file"),
        (["--id-file", "-", *WHY], 2, "holds no id"),
        (["--all", "--rate", "0", *WHY], 2, "greater than or equal to 1"),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, list) else "",
)
def test_what_could_mean_something_else_is_refused(replay, arguments, code, words):
    refused = replay(GROUP, *arguments, text="\n")
    assert refused.exit_code == code
    assert words in " ".join(refused.output.replace("│", " ").split())


def test_a_selection_of_nothing_is_told_and_fails(replay, broker):
    send(broker, letter("a"))
    told = replay(GROUP, "--cause", "TimeoutErorr", *WHY)
    assert told.exit_code == 1
    assert "no letter is meant, of 1 that were looked at" in told.stderr


def test_an_unknown_group_is_refused_with_the_nearest(replay):
    told = replay("email-procesor", "--all", *WHY)
    assert told.exit_code == 1
    assert "did you mean 'email-processor'?" in told.stderr


def test_ctrl_c_ends_it_says_how_to_go_on_and_the_next_run_sends_the_rest(
    pat_events, broker, cluster
):
    send(broker, *(letter(f"{number:03}") for number in range(100)))
    with pat_events.start("dlq", "replay", GROUP, "--all", "--rate", 10, *WHY) as process:
        until(lambda: ids(cluster), every_s=0.1)
        refused = pat_events("dlq", "replay", GROUP, "--all", *WHY)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "the same command goes on with the rest" in said
    assert refused.returncode == 1
    assert "a 'dlq replay' of this group goes on: run " in refused.stderr
    assert audit_results(cluster) == ["interrupted"]
    done = pat_events("dlq", "replay", GROUP, "--all", *WHY)
    assert done.returncode == 0, done.stderr
    assert ids(cluster) == [f"id-{number:03}" for number in range(100)]


def audit_results(cluster):
    return [line["result"] for line in audit.lines(cluster, GROUP) if "result" in line]
