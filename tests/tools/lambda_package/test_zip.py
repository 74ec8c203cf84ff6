"""A zip for AWS Lambda has what a function needs and nothing else, and runs as a function.

In AWS's emulator of Lambda, by AWS's client of the runtime: what the zip lacks is missing there, as
nothing that is installed here can be imported.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.invocations import body, event_bridge, kafka, kafka_record, record, sns, sqs
from tests.support.waiting import until
from tools.lambda_package import cli
from tools.lambda_package.emulator import emulator, running
from tools.lambda_package.target import Target
from tools.stack.errors import StackError

HERE = ".".join(map(str, sys.version_info[:2]))
MACHINE = "arm64" if os.uname().machine == "aarch64" else "x86_64"
FUNCTION = """
import threading
from pat_events import Handlers, RetryPolicy, Sqs, lambda_handler
from pat_events.errors import PermanentError
from pat_events.events import EmailReceived

handlers = Handlers()

@handlers.on(EmailReceived, retry=RetryPolicy(attempts=2, first_delay_s=0.01))
def process(event, ctx):
    if event.email_id == "bad":
        raise PermanentError("it is bad")
    if event.email_id == "hangs":
        threading.Event().wait()
    print("handled", event.email_id, ctx.envelope.trace.traceparent.decode())

# Nothing is published, but there is where to, with boto3 of the runtime.
handler = lambda_handler(handlers, transport=Sqs("emails"), max_threads=32)
"""
VARIABLES = {
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "5",
    "PAT_EVENTS_AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


def make(into, module):
    """Make the zip for this machine, and return it."""
    words = ["--python", HERE, "--arch", MACHINE, "--into", str(into), "--module", str(module)]
    if cli.main(words) != 0:
        unavailable("no zip", "see what it said")  # Without a network there are no wheels.
    [made] = into.iterdir()
    return made


def unavailable(what, why):
    """Skip: neither Go nor a network to build with is among what must be there."""
    pytest.skip(f"{what}: {why.splitlines()[0]}")


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own") / "emails"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__" / "junk.pyc").touch()
    (folder / ".git").mkdir()
    (folder / "__init__.py").write_text(FUNCTION, "utf-8")
    (folder / "words.txt").write_text("mine\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def archive(tmp_path_factory, module):
    return make(tmp_path_factory.mktemp("zips"), module)


@pytest.fixture(scope="module")
def names(archive):
    return zipfile.ZipFile(archive).namelist()


def test_its_name_says_for_what_it_is(archive):
    assert archive.name == f"lambda-python{HERE}-{MACHINE}.zip"


def test_it_has_this_package_with_its_catalogue_and_none_of_its_tools(names):
    assert {"pat_events/__init__.py", "pat_events/schemas/catalog.yaml"} <= set(names)
    parts = {name.split("/")[1] for name in names if name.startswith("pat_events/")}
    assert parts & {"cli", "demo", "ops", "testing", "py.typed"} == set()


def test_it_has_what_a_function_imports_and_no_client(names):
    tops = {name.split("/")[0] for name in names}
    assert {"google", "jsonschema", "uuid_utils", "yaml"} <= tops
    assert tops & {"boto3", "botocore", "bin", "confluent_kafka", "fastavro", "typer"} == set()


def test_it_has_no_tests_and_nothing_that_no_import_reads(names):
    assert [name for name in names if "/tests/" in name or "/benchmarks/" in name] == []
    assert [name for name in names if name.endswith((".pyi", ".proto", ".c", ".eml"))] == []


def test_it_has_the_licences(names):
    assert any(name.startswith("protobuf-") and name.endswith("LICENSE") for name in names)


def test_each_source_has_the_bytecode_of_the_functions_python(archive, names):
    sources = {name for name in names if name.endswith(".py")}
    compiled = {name for name in names if name.endswith(".pyc")}
    tag = sys.implementation.cache_tag
    assert compiled == {
        f"{Path(name).parent}/__pycache__/{Path(name).stem}.{tag}.pyc".removeprefix("./")
        for name in sources
    }
    bytecode = zipfile.ZipFile(archive).read(f"emails/__pycache__/__init__.{tag}.pyc")
    assert bytecode[:4] == importlib.util.MAGIC_NUMBER
    assert bytecode[4:8] == b"\x01\0\0\0", "good whatever the time of its source"
    assert b"/var/task/emails/__init__.py" in bytecode


def test_the_functions_own_is_at_the_top_without_what_is_hidden(names):
    own = {name for name in names if name.startswith("emails/") and "__pycache__" not in name}
    assert own == {"emails/__init__.py", "emails/words.txt"}
    assert not any("junk" in name for name in names)


def test_the_same_files_make_the_same_bytes_and_their_size_is_told(
    archive, module, tmp_path, capsys
):
    again = make(tmp_path, module)
    size = f"{again.stat().st_size / 1e6:.1f} MB, unpacked "
    assert f"lambda-python{HERE}-{MACHINE}.zip  {size}" in capsys.readouterr().out
    # Told apart here: of bytes that differ a report would show megabytes.
    same = again.read_bytes() == archive.read_bytes()
    assert same


@pytest.fixture(scope="module")
def function(archive, tmp_path_factory):
    """The zip in the emulator, which takes Go."""
    if sys.platform != "linux":
        pytest.skip("a zip for Lambda runs on Linux")
    try:
        emulator()
    except StackError as problem:
        unavailable("no emulator of Lambda", str(problem))
    task = tmp_path_factory.mktemp("task")
    zipfile.ZipFile(archive).extractall(task)
    with running(task, "emails.handler", Target(HERE, MACHINE), VARIABLES) as function:
        yield function


def answered(*failed):
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def test_a_queue_is_told_what_failed(function):
    assert function.invoke(sqs(body("a"), body("bad"), "foreign")) == answered("m-1", "m-2")
    # What it prints comes by another way than its answer.
    until(lambda: "handled a 00-0af7651916cd43dd8448eb211c80319c" in function.said)


def test_msk_is_told_from_where_on(function):
    records = [kafka_record(record(each), 0, n) for n, each in enumerate(["a", "bad", "c"])]
    assert function.invoke(kafka(records)) == answered({"partition": "mytopic-0", "offset": 1})


@pytest.mark.parametrize("event", [sns, lambda it: event_bridge("bad" if "bad" in it else "a")])
def test_sns_and_event_bridge_are_answered_with_nothing_or_an_error(function, event):
    assert function.invoke(event(body("a"))) is None
    told = function.invoke(event(body("bad")))
    assert (told["errorType"], told["errorMessage"]) == ("PermanentError", "it is bad")


def test_a_function_that_hangs_answers_in_time_and_with_too_much_of_it_gets_a_new_environment(
    function,
):
    hanging = [f"m-{n}" for n in range(32)]
    assert function.invoke(sqs(*(body("hangs") for _ in hanging))) == answered(*hanging)
    assert function.invoke(sqs(body("b")))["errorType"] == "Runtime.ExitError"
    until(lambda: "32 calls of handlers never returned" in function.said)
    assert "handled b" not in function.said
    assert function.invoke(sqs(body("b"))) == answered()
    until(lambda: "handled b" in function.said)
