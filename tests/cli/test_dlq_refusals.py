"""What commands on dead letters refuse before they ask a broker."""

from dataclasses import fields

import pytest
from typer.testing import CliRunner

from pat_events.cli.app import app
from pat_events.cli.letter_options import OF_A_QUEUE, OF_A_TOPIC
from pat_events.ops.letters.queues import LetterFilter
from pat_events.ops.letters.selection import Selection

TOPIC = "pat-emails.email-processor.dlq"
PLACE = ("--partition", "0", "--offset", "1")
NOWHERE = ("--bootstrap", "localhost:1")


@pytest.mark.parametrize("why", [None, "", " "])
@pytest.mark.parametrize(
    "command",
    [
        ("purge", TOPIC, "--all", "--apply"),
        ("edit", TOPIC, "FILE", *PLACE, "--allow-edit"),
        ("replay", TOPIC, "--all"),
        ("import", TOPIC, "FILE"),
    ],
    ids=lambda it: it[0],
)
def test_whatever_changes_letters_takes_no_blank_reason(tmp_path, command, why):
    file = tmp_path / "file"
    file.write_text("{}", "utf-8")
    given = () if why is None and command[0] != "import" else ("--why", why or "")
    arguments = [str(file) if it == "FILE" else it for it in command]
    refused = CliRunner().invoke(app, ["dlq", *arguments, *given, *NOWHERE])
    told = (refused.exit_code, refused.stderr)
    assert told == (1, "pat-events: say why: that is for the audit topic\n")


@pytest.mark.parametrize(
    "command",
    [
        ("dlq", "edit", TOPIC, "FILE", *PLACE, "--allow-edit", "--why", "a test"),
        ("dlq", "replay", TOPIC, "--id-file", "FILE", "--why", "a test"),
        ("dlq", "import", TOPIC, "FILE", "--why", "a test"),
        ("publish", "EmailReceived", "FILE"),
    ],
    ids=lambda it: " ".join(it[:2]),
)
def test_a_file_that_cannot_be_read_is_one_kind_of_error(tmp_path, command):
    file = str(tmp_path / "nowhere")
    arguments = [file if it == "FILE" else it for it in command]
    refused = CliRunner().invoke(app, [*arguments, *NOWHERE])
    assert refused.exit_code == 1
    assert refused.stderr == f"pat-events: {file} cannot be read: No such file or directory\n"
    if "import" not in command:  # It takes lines one by one, of which it says which is none.
        (tmp_path / "nowhere").write_bytes(b"\xff")
        refused = CliRunner().invoke(app, [*arguments, *NOWHERE])
        assert (refused.exit_code, f"{file} is not UTF-8 text" in refused.stderr) == (1, True)


@pytest.mark.parametrize("command", [("purge",), ("replay", "--why", "a test")])
def test_all_beside_what_chooses_some_is_refused(command):
    name, *rest = command
    arguments = ["dlq", name, TOPIC, "--all", "--cause", "rejected", *rest, *NOWHERE]
    refused = CliRunner().invoke(app, arguments)
    assert (refused.exit_code, "--all is every letter" in refused.output) == (2, True)


def test_letters_of_a_queue_are_chosen_by_what_those_of_a_topic_are():
    of_a_topic = {it.name for it in fields(Selection)}
    assert {it.name for it in fields(LetterFilter)} == set(OF_A_QUEUE)
    assert set(OF_A_QUEUE) < set(OF_A_TOPIC) == of_a_topic
