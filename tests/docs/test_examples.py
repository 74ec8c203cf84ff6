"""What the pages show runs as it is when it is copied."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from textwrap import indent

import pytest

# A run inside this process forgets what it imported, which generated classes do not survive.
import pat_events.events  # noqa: F401
from pat_events import load_catalog
from pat_events.ops.cluster import Cluster
from pat_events.ops.tail import tail
from pat_events.testing import EmbeddedBroker
from tests.support.examples import examples, pages

pytest_plugins = ["pytester"]

# Files that belong together: they have tests of their own.
ELSEWHERE = {"docs/own-events.md", "docs/dead-letters.md", "docs/aws.md"}
PYTHON = {page: found for page in pages() if (found := examples(page, "python"))}
TESTS = [page for page, found in PYTHON.items() if any("def test_" in each.text for each in found)]


@pytest.fixture
def broker(monkeypatch):
    """What the settings of a reader name: a broker with the topics of the catalogue."""
    with EmbeddedBroker() as broker:
        broker.create_topics(load_catalog())
        monkeypatch.setenv("PAT_EVENTS_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
        yield broker


def test_most_pages_for_users_show_examples():
    assert {"README.md", "docs/handlers.md", "docs/testing.md", "docs/own-events.md"} <= set(PYTHON)


@pytest.mark.parametrize(
    "example",
    [each for page, found in PYTHON.items() if page not in {*ELSEWHERE, *TESTS} for each in found],
    ids=str,
)
def test_an_example_runs_by_itself(example, broker):
    example.run()


@pytest.mark.parametrize("page", [page for page in TESTS if page not in ELSEWHERE])
def test_examples_that_are_tests_pass(page, pytester, monkeypatch):
    monkeypatch.delenv("PAT_EVENTS_CATALOG", raising=False)
    modules = [
        example.text
        if "def test_" in example.text
        else "def test_it():\n" + indent(example.text, "    ")
        for example in PYTHON[page]
    ]
    for number, module in enumerate(modules):
        pytester.path.joinpath(f"test_example_{number}.py").write_text(module, "utf-8")
    tests = sum(module.count("def test_") for module in modules)
    # Hypothesis takes a second to start.
    run = pytester.runpytest_inprocess("-q", "-p", "no:hypothesispytest")
    run.assert_outcomes(passed=tests)


def test_the_service_of_the_readme_publishes_handles_and_stops_on_sigterm(broker, tmp_path):
    [example] = [each for each in PYTHON["README.md"] if each.file == "emails.py"]
    (tmp_path / "emails.py").write_text(example.text, "utf-8")
    service = subprocess.Popen([sys.executable, "emails.py"], cwd=tmp_path, env=os.environ.copy())
    try:
        cluster = Cluster(broker.config())
        types = [
            record.header_values["ce_type"].rpartition(b".")[2]
            for record in tail(
                cluster, ["pat-emails"], begin="earliest", limit=2, idle_timeout_s=30
            )
        ]
        assert types == [b"EmailReceived", b"EmailProcessed"]
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) == 0
    finally:
        service.kill()
        service.wait(30)
