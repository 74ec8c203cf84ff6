import json
import re
import subprocess
import sys

import pytest

from pat_events import Config, KafkaConfig
from tools import reference


def test_the_page_is_what_docstrings_and_schema_say():
    command = [sys.executable, reference.__file__, "--check"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_page_that_was_edited_or_lost_is_noticed_and_made_again(tmp_path, capsys):
    page = tmp_path / "reference.md"
    assert reference.main(["--check"], page) == 1
    assert "stale, run make docs" in capsys.readouterr().err
    assert reference.main([], page) == 0
    assert reference.main(["--check"], page) == 0
    page.write_text(page.read_text("utf-8") + "edited\n", "utf-8")
    assert reference.main(["--check"], page) == 1


def test_a_setting_without_a_description_is_an_error(monkeypatch):
    def no_docstring(forgotten=1): ...

    monkeypatch.setattr(reference, "SETTINGS", (("Config", no_docstring, None),))
    with pytest.raises(KeyError, match="forgotten"):
        reference.page()


def test_every_setting_has_its_variable_type_default_and_text():
    said = " ".join(reference.PAGE.read_text("utf-8").split())
    assert (
        "- **`linger_s`** (`float`, seconds, default `0.005`, `PAT_EVENTS_LINGER_S`): How long"
    ) in said
    assert '(`"protobuf" | "avro"`, default `"protobuf"`, `PAT_EVENTS_CODEC`)' in said
    assert all(
        f"**`{name}`**" in said
        for kind in (Config, KafkaConfig)
        for name in kind.__dataclass_fields__
    )


def test_every_key_of_the_catalogue_is_described():
    said = reference.PAGE.read_text("utf-8").partition("## Catalogue")[2]
    assert re.findall(r"^- .*\)$", said, re.MULTILINE) == []
    for name in json.loads(reference.SCHEMA.read_text("utf-8"))["properties"]:
        assert f"- **`{name}`** (" in said


@pytest.mark.parametrize(
    ("error", "verdict"),
    [("TransientError", "retry"), ("HoldError", "hold"), ("SchemaError", "dead letter (`schema`)")],
)
def test_what_becomes_of_an_event_is_what_the_group_decides(error, verdict):
    assert f"| `{error}` | {verdict} |" in reference.PAGE.read_text("utf-8")
