from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from importlib import import_module, resources

import pytest

import pat_events
import pat_events.transports.kafka
from pat_events import errors, testing

PUBLIC = [
    "Ack",
    "AwsConfig",
    "Breaker",
    "Bridge",
    "Catalog",
    "Config",
    "ConsumerGroup",
    "ConsumerStats",
    "Context",
    "DeadLetterLimit",
    "Dedupe",
    "DedupeAnswer",
    "DedupeStore",
    "DynamoDbDedupe",
    "Envelope",
    "EventBridge",
    "HandlerObject",
    "Handlers",
    "KafkaConfig",
    "KafkaTransport",
    "MemoryDedupe",
    "Order",
    "Position",
    "Producer",
    "QueueBridge",
    "QueueConsumer",
    "RedisDedupe",
    "RetryPolicy",
    "S3Payloads",
    "Sns",
    "Sqs",
    "SqsQueue",
    "Start",
    "Transport",
    "lambda_handler",
    "load_catalog",
]
ERRORS = [name for name, value in vars(errors).items() if isinstance(value, type)]
ALIASES = ["Order", "Start"]
# Their names are imported on first use.
LAZY = [pat_events, pat_events.transports.kafka, testing]


def test_the_public_names_are_these_every_error_and_sorted():
    assert pat_events.__all__ == sorted([*PUBLIC, *ERRORS])


@pytest.mark.parametrize("package", LAZY)
def test_what_type_checkers_import_is_what_is_loaded_on_first_use(package):
    tree = ast.parse(inspect.getsource(package))
    imports = [each for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) and each.module]
    homes = {
        alias.name: each.module.removeprefix(f"{package.__name__}.")
        for each in imports
        if each.module.startswith(f"{package.__name__}.")
        for alias in each.names
    }
    assert homes.pop("lazy_names", "lazy") == "lazy"
    assert homes == package._HOMES
    assert list(homes.keys() ^ package.__all__) == []


@pytest.mark.parametrize("package", LAZY)
def test_a_name_that_is_not_there_yet_is_listed(package):
    assert set(package.__all__) <= set(dir(package))


def test_every_public_name_exists():
    defined = {name: getattr(pat_events, name) for name in pat_events.__all__}
    assert [
        name for name in defined if name not in ALIASES and defined[name].__name__ != name
    ] == []


def test_a_name_that_is_not_public_is_refused():
    with pytest.raises(AttributeError, match="NoSuchName"):
        pat_events.NoSuchName  # noqa: B018


@pytest.mark.parametrize("name", sorted({*pat_events.__all__}.difference(ALIASES)))
def test_every_public_name_explains_itself(name):
    kind = getattr(pat_events, name)
    assert len(inspect.getdoc(kind) or "") > 20
    methods = [
        (method, value)
        for method, value in vars(kind).items()
        if inspect.isfunction(value) and not method.startswith("_")
    ]
    assert [method for method, value in methods if not inspect.getdoc(value)] == []


def test_type_checkers_are_told_that_the_package_is_typed():
    assert (resources.files(pat_events) / "py.typed").is_file()


def test_the_version_is_a_release_number():
    assert re.fullmatch(r"\d+\.\d+\.\d+([ab]\d+|rc\d+)?", pat_events.__version__)


def test_every_module_says_what_it_is_for():
    undocumented = [
        module.name
        for module in pkgutil.walk_packages(pat_events.__path__, "pat_events.")
        if not module.name.endswith("_pb2") and not import_module(module.name).__doc__
    ]
    assert undocumented == []
