"""``pat-events groups``: what it prints, and what the group handles afterwards."""

from __future__ import annotations

import json
import re

import pytest
from typer.testing import CliRunner

from pat_events.cli.app import app

SERVICE = """
from pat_events import ConsumerGroup, Context, Handlers
from pat_events.events import EmailReceived

handlers = Handlers()

@handlers.on(EmailReceived)
def handle(event: EmailReceived, ctx: Context) -> None:
    print(event.email_id, flush=True)

group = ConsumerGroup("{group}", handlers)
"""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--to", "yesterday"], "none of earliest, latest, a time"),
        (["--to", "2026-11-27T08:00"], "2026-11-27T08:00Z for UTC"),
        ([], "--to"),
        (["--to", "earliest", "--partition", "-1"], "--partition"),
    ],
)
def test_wrong_options_say_what_is_right(arguments, reason):
    result = CliRunner().invoke(app, ["groups", "reset", "notifier", *arguments])
    assert result.exit_code == 2
    # Within a box as wide as whatever came first in this process has made it.
    assert reason in " ".join(re.findall(r"[^\s│]+", result.output))


@pytest.mark.kafka
def test_a_group_that_is_set_back_handles_its_events_again(on_kafka, tmp_path, suffix):
    group = f"email-processor{suffix}"
    (tmp_path / "service.py").write_text(SERVICE.format(group=group))
    published = on_kafka("publish", "EmailReceived", text='{"email_id": "e-1"}')
    assert published.returncode == 0, published.stderr
    place = json.loads(published.stdout)

    def handled():
        with on_kafka.start("run", "service:group") as service:
            line = service.stdout.readline()
            blocked = on_kafka("groups", "reset", group, "--to", "earliest", "--apply")
            service.terminate()
            assert service.wait(60) == 0
        return line, blocked

    first, blocked = handled()
    assert first == "e-1\n"
    assert blocked.returncode == 1
    stop = f"has 1 member, whose next commit .*: stop pat-events-{group} on "
    assert re.search(stop, blocked.stderr)
    shown = on_kafka("groups", "reset", group, "--to", "earliest")
    assert shown.returncode == 0, shown.stderr
    row = rf"^{place['topic']} +{place['partition']} +1 +0 +1 +1 +0$"
    assert re.search(row, shown.stdout, re.MULTILINE)
    assert "up to 1 event of those" in shown.stdout
    assert shown.stdout.endswith("\nnothing changed; add --apply\n")
    done = on_kafka("groups", "reset", group, "--to", "earliest", "--apply")
    assert done.stdout.endswith("\ndone\n")
    again, _ = handled()
    assert again == "e-1\n"
    forward = on_kafka("groups", "reset", group, "--to", "latest")
    assert forward.stdout.endswith("\nnothing to do\n")


@pytest.mark.kafka
def test_a_group_with_a_wrong_name_is_refused_with_the_names_there_are(on_kafka, suffix):
    result = on_kafka("groups", "reset", f"email-procesor{suffix}", "--to", "latest")
    assert result.returncode == 1
    assert f"did you mean 'email-processor{suffix}'?" in result.stderr
    assert len(result.stderr.splitlines()) == 1
