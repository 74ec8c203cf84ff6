"""docs/own-events.md leads from an empty folder to a handled event."""

from __future__ import annotations

import re
import sys

import pytest

from pat_events import load_catalog
from pat_events.testing import EmbeddedBroker
from tests.support.examples import ROOT, examples
from tests.support.shells import shell

PAGE = "docs/own-events.md"
ADDRESS = "localhost:9092"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The reader's folder: the files the page shows."""
    folder = tmp_path_factory.mktemp("shop")
    for example in examples(PAGE, "proto", "yaml", "python"):
        path = folder / example.file
        path.parent.mkdir(exist_ok=True)
        path.write_text(example.text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def done(folder):
    """What the steps before the real broker printed, one after the other."""
    *steps, _ = examples(PAGE, "sh")
    return shell("\n".join(step.text for step in steps), folder)


def test_the_steps_lead_from_a_proto_to_a_handled_event(done):
    assert "OrderPlaced OrderShipped" in done
    assert "1 passed" in done


def test_the_same_events_travel_as_avro(folder, done):
    *_, run, _ = examples(PAGE, "sh")
    variables = {"PAT_EVENTS_CATALOG": "shop.yaml", "PAT_EVENTS_CODEC": "avro"}
    assert "1 passed" in shell(run.text, folder, **variables)


def test_the_commands_for_a_real_broker_publish_and_show_an_event(folder, done):
    # The embedded one creates topics by another way.
    script = examples(PAGE, "sh")[-1].text.replace("pat-events topics apply\n", "")
    sys.path.insert(0, str(folder))
    try:
        with EmbeddedBroker() as broker:
            broker.create_topics(load_catalog(folder / "shop.yaml"))
            assert ADDRESS in script
            output = shell(
                script.replace(ADDRESS, broker.bootstrap_servers),
                folder,
                PAT_EVENTS_CATALOG="shop.yaml",
            )
    finally:
        sys.path.remove(str(folder))
    assert '"order_id": "o-1"' in output


def test_a_mistake_is_reported_as_the_page_says(folder, done):
    text = (folder / "shop.yaml").read_text("utf-8")
    (folder / "wrong.yaml").write_text(text.replace("topic: orders", "topic: order", 1))
    said = shell(
        "pat-events doctor --catalog wrong.yaml --bootstrap 127.0.0.1:1 2>&1 || true", folder
    )
    page = re.sub(r"\s+", " ", (ROOT / PAGE).read_text("utf-8"))
    [shown] = re.findall(r"``shop\.(yaml:\d+: .*?)``", page)
    assert shown in re.sub(r"\s+", " ", said)
