"""Letters into a file and back."""

import io
import json

import pytest
from typer.testing import CliRunner

from pat_events import Config, load_catalog
from pat_events.cli.app import app
from pat_events.errors import ConfigError, SchemaError, TransportError
from pat_events.ops.letters import audit, files
from pat_events.ops.letters.audit import now_ms
from pat_events.ops.letters.reading import LetterReading
from pat_events.ops.letters.selection import Selection
from pat_events.transports.sending import Outgoing
from tests.support.clusters import send
from tests.support.dead_letters import letter

LETTERS = "pat-emails.email-processor.dlq"
GROUP = "email-processor"


def put(cluster, topic, *reasons):
    letters = (
        Outgoing(topic, b"\xffk", b"\xff", [("pat-dlq-reason", it), ("h", None), ("h", b"2")], 1)
        for it in reasons
    )
    send(cluster.kafka.bootstrap_servers, *letters)


def exported(cluster, topic=LETTERS, selection=None, **options):
    found = files.export(cluster, topic, selection or Selection(), config=Config(), **options)
    return [json.dumps(line).encode() for line in found]


def held(cluster, topic=LETTERS):
    return sorted(
        (it.delivery.key, it.delivery.value, *it.delivery.headers)
        for it in LetterReading(cluster, topic)
    )


def imported(cluster, lines, topic=LETTERS, **options):
    file = io.BytesIO(b"\n".join(lines))
    return files.import_letters(cluster, topic, file, why="a test", config=Config(), **options)


def told(cluster, group=GROUP):
    return [(line["command"], line["state"]) for line in audit.lines(cluster, group)]


def test_letters_come_back_as_they_were_and_each_once(cluster):
    put(cluster, LETTERS, b"one", b"two", b"three")
    lines = exported(cluster)
    other = "pat-emails.notifier.dlq"
    assert imported(cluster, lines, other) == files.Imported(3, 3, 0)
    assert held(cluster, other) == held(cluster)
    # As after an import that was interrupted, and one of letters that are there.
    assert imported(cluster, [*lines, *lines], other) == files.Imported(6, 0, 6)
    assert imported(cluster, lines) == files.Imported(3, 0, 3)
    assert imported(cluster, lines, other, again=True) == files.Imported(3, 3, 0)
    assert len(held(cluster, other)) == 6


def test_how_many_name_another_group_is_told(cluster):
    send(cluster.kafka.bootstrap_servers, letter("a"), letter("b", group="notifier"))
    lines = exported(cluster)
    assert imported(cluster, lines).of_others == 1
    assert imported(cluster, lines, "pat-emails.notifier.dlq").of_others == 1
    send(cluster.kafka.bootstrap_servers, letter("c", group=""))
    lines = exported(cluster)
    assert imported(cluster, lines).of_others == 1
    where = ["--why", "a test", "--bootstrap", cluster.kafka.bootstrap_servers]
    said = CliRunner().invoke(app, ["dlq", "import", LETTERS, "-", *where], input=b"\n".join(lines))
    assert "1 letter in the file of another group: 'dlq replay' leaves these" in said.stderr


def test_the_time_of_an_imported_letter_is_now_or_retention_would_delete_it(cluster):
    put(cluster, LETTERS, b"one")
    other = "pat-emails.notifier.dlq"
    imported(cluster, exported(cluster), other)
    [found] = LetterReading(cluster, other)
    assert found.delivery.timestamp_ms > 1_700_000_000_000


def test_chosen_letters_are_exported_and_the_audit_topic_is_told(cluster):
    put(cluster, LETTERS, b"one", b"two")
    lines = exported(cluster, selection=Selection(causes=frozenset({"two"})), why="a look")
    assert [json.loads(line)["cause"]["reason"] for line in lines] == ["two"]
    begun, ended = audit.lines(cluster, GROUP)
    assert begun["command"] == "dlq export"
    assert (begun["why"], begun["selection"]) == ("a look", {"causes": ["two"]})
    assert (ended["state"], ended["counts"], ended["result"]) == ("ended", {"exported": 1}, "done")


def test_an_export_goes_on_where_the_audit_topic_cannot_be_told(cluster, monkeypatch):
    def refuse(*_):
        raise TransportError("no")

    put(cluster, LETTERS, b"one")
    monkeypatch.setattr(audit, "ensure_topic", refuse)
    why = []
    assert len(exported(cluster, unaudited=why.append)) == 1
    assert [str(error) for error in why] == ["no"]
    with pytest.raises(TransportError, match="no"):
        imported(cluster, exported(cluster), "pat-emails.notifier.dlq")


def test_an_export_whose_reader_has_gone_has_an_end(cluster):
    put(cluster, LETTERS, b"one", b"two")
    lines = files.export(cluster, LETTERS, config=Config())
    next(lines)
    lines.close()
    assert [line.get("result") for line in audit.lines(cluster, GROUP)] == [None, "interrupted"]


def test_letters_are_looked_at_beside_a_replay_and_not_changed(cluster):
    put(cluster, LETTERS, b"one")
    replay = audit.Run(GROUP, "dlq replay", "r-1", {}, who="somebody@elsewhere")
    begun = replay.record(audit.STARTED, now_ms())
    send(cluster.kafka.bootstrap_servers, Outgoing(*begun))
    lines = exported(cluster, unaudited=pytest.fail)
    with pytest.raises(ConfigError, match="a 'dlq replay' of this group goes on"):
        imported(cluster, lines, again=True)


@pytest.mark.parametrize(
    ("lines", "error", "words"),
    [
        ([], ConfigError, "holds no letters"),
        ([b"", b"  "], ConfigError, "holds no letters"),
        ([b'{"headers": [], "key": null, "value": null}', b"{"], SchemaError, "line 2: not JSON"),
    ],
)
def test_nothing_is_written_of_a_file_that_is_not_sound(cluster, lines, error, words):
    with pytest.raises(error, match=words):
        imported(cluster, lines)
    assert not held(cluster)


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("pat-emails", "neither a group of the catalogue nor a dead-letter topic of one"),
        ("pat-emails.nobody.dlq", "there is 'pat-emails.notifier.dlq'|neither a group"),
        ("notifier", "notifier is a group: name one of"),
    ],
)
def test_letters_go_into_the_dead_letter_topic_of_a_group_alone(cluster, topic, words):
    with pytest.raises(ConfigError, match=words):
        imported(cluster, [b'{"headers": [], "key": null, "value": null}'], topic)


def test_letters_of_other_programs_become_those_of_a_group(cluster):
    spring = [("kafka_dlt-original-topic", b"pat-emails"), ("kafka_dlt-exception-fqcn", b"x.E")]
    send(cluster.kafka.bootstrap_servers, Outgoing("orders-dlt", b"k", b"v", spring, 1))
    lines = exported(cluster, "orders-dlt")
    assert imported(cluster, lines) == files.Imported(1, 1, 0)
    [found] = LetterReading(cluster, LETTERS)
    assert found.cause.writer == "Spring"
    assert load_catalog().groups  # Of no group: no audit topic was told of the export.
    assert told(cluster) == [("dlq import", "started"), ("dlq import", "ended")]


def test_what_one_command_writes_the_other_takes_from_a_pipe(cluster):
    put(cluster, LETTERS, b"one", b"two")
    where = ["--bootstrap", cluster.kafka.bootstrap_servers]
    wrote = CliRunner().invoke(app, ["dlq", "export", LETTERS, "--cause", "two", *where])
    assert (wrote.exit_code, wrote.stderr) == (0, f"pat-events: 1 letter of {LETTERS}\n")
    command = ["dlq", "import", "pat-emails.notifier.dlq", "-", "--why", "a test", *where]
    took = CliRunner().invoke(app, command, input=wrote.stdout)
    assert took.exit_code == 0, took.stderr
    first, second = took.stderr.splitlines()
    assert first == "pat-events: 1 letter of 1 written to pat-emails.notifier.dlq"
    assert second.startswith("pat-events: these count as not replayed: ")
    assert len(held(cluster, "pat-emails.notifier.dlq")) == 1
    missing = CliRunner().invoke(app, [*command[:3], "/nowhere.jsonl", *command[4:]])
    assert missing.exit_code == 1
    assert "/nowhere.jsonl cannot be read: No such file" in missing.stderr
