from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module, resources

import pytest

import pat_events

PUBLIC = [
    "Ack",
    "Config",
    "ConsumerGroup",
    "Context",
    "Envelope",
    "GroupStats",
    "HandlerObject",
    "Handlers",
    "Position",
    "Producer",
    "RetryPolicy",
    "load_catalog",
]


def test_the_public_names_are_these_and_sorted():
    assert pat_events.__all__ == PUBLIC == sorted(PUBLIC)


def test_every_public_name_exists_and_is_listed():
    assert set(PUBLIC) <= set(dir(pat_events))
    assert [name for name in PUBLIC if not callable(getattr(pat_events, name))] == []


def test_a_name_that_is_not_public_is_refused():
    with pytest.raises(AttributeError, match="NoSuchName"):
        pat_events.NoSuchName  # noqa: B018


@pytest.mark.parametrize("name", PUBLIC)
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
