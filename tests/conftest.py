"""The real parts, found or started once a session, and skipped loudly where there are none.

PAT_EVENTS_TEST_REQUIRE names the parts that must be there (``kafka,registry,localstack`` or
``all``): then a missing one is a failure, not a skip.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import time
import uuid
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import urlsplit

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from hypothesis import HealthCheck, settings
from localstack_client.session import Session

from pat_events import AwsConfig
from tests.support import planted
from tests.support.letters import Letters
from tools.run_limits import RunLimits
from tools.stack import (
    Kafka,
    LocalStack,
    NotReadyError,
    Part,
    Registry,
    SecuredKafka,
    StackError,
    reach,
)
from tools.stack.choice import find

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

pytest_plugins = ["tests.support.protos"]

# Where the tests run in the background of a script, SIGINT comes ignored, and what they start
# would inherit that: no test of Ctrl-C could pass.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast the machine is says nothing about the code. CI tries the same values every time.
settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("any machine")

T = TypeVar("T")
ADMIN_WAIT_S = 30.0
PARTS: tuple[type[Part], ...] = (Kafka, Registry, LocalStack)
limits_key = pytest.StashKey[RunLimits]()


@dataclass(frozen=True, slots=True)
class Broker:
    """A reachable Kafka; ``native`` is there when this session started it."""

    bootstrap_servers: str
    native: Kafka | None = None


class CreateTopic(Protocol):
    """What the fixture ``create_topic`` hands out."""

    def __call__(
        self,
        name: str,
        *,
        partitions: int = 1,
        bootstrap_servers: str | None = None,
        **config: str,
    ) -> str: ...


def required_parts() -> set[str]:
    known = {part.name for part in PARTS}
    named = set(re.findall(r"[^\s,]+", os.environ.get("PAT_EVENTS_TEST_REQUIRE", "")))
    if unknown := named - known - {"all"}:
        choice = ", ".join(sorted(known))
        raise pytest.UsageError(
            f"PAT_EVENTS_TEST_REQUIRE: {', '.join(sorted(unknown))} is none of {choice}, all"
        )
    return known if "all" in named else named


def pytest_configure(config: pytest.Config) -> None:
    required_parts()  # a misspelt part must not turn a failure into a skip
    logging.getLogger().addHandler(planted.Listener())
    limits = config.stash[limits_key] = RunLimits(config)
    config.pluginmanager.register(limits)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Fetch what the parts are made of before any test's time runs; a first time takes minutes."""
    if session.config.option.collectonly:
        return
    for part in PARTS:
        if any(item.get_closest_marker(part.name) for item in session.items):
            # What goes wrong is told by the first test that needs it.
            with suppress(StackError):
                if find(part) is None:
                    part().fetch()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that shows what was planted, a secret or a payload: see ``planted``."""
    return planted.judged((yield))


def _enter(
    stack: ExitStack,
    request: pytest.FixtureRequest,
    kind: type[Part],
    part: AbstractContextManager[T],
) -> T:
    """Enter ``part``; skip where it cannot be had, fail where broken or required.

    Outside the limit of the test that happens to ask first: the parts have limits of their own.
    """
    capture = request.config.pluginmanager.getplugin("capturemanager")
    terminal = request.config.get_terminal_writer()
    try:
        with request.config.stash[limits_key].paused():
            with capture.global_and_fixture_disabled():
                terminal.write(f" waiting for {kind.name} ...", flush=True)
            return stack.enter_context(part)
    except StackError as problem:
        if isinstance(problem, NotReadyError) or kind.name in required_parts():
            pytest.fail(f"no {kind.name}: {problem}", pytrace=False)
        pytest.skip(f"no {kind.name}: {str(problem).splitlines()[0]}")


@pytest.fixture(scope="session")
def kafka_broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with ExitStack() as stack:
        found = _enter(stack, request, Kafka, reach(Kafka))
        yield Broker(found.address, found.native)


@pytest.fixture(scope="session")
def registry_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with ExitStack() as stack:
        yield _enter(stack, request, Registry, reach(Registry)).address


@pytest.fixture(scope="session")
def localstack_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with ExitStack() as stack:
        yield _enter(stack, request, LocalStack, reach(LocalStack)).address


@pytest.fixture(scope="session")
def aws(localstack_url: str) -> Session:
    """Makes boto3 clients of LocalStack: ``aws.client("sqs")``."""
    return Session("test", "test", localstack_host=urlsplit(localstack_url).netloc)


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What LocalStack lets in; in the environment, as boto3 looks for it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", planted.AWS_SECRET)


@pytest.fixture
def aws_config(localstack_url: str) -> AwsConfig:
    return AwsConfig(region="us-east-1", endpoint_url=localstack_url)


@pytest.fixture
def make_letters(
    aws: Session, aws_credentials: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Letters]]:
    # LocalStack is one server, and all there is is there at once.
    for module in ("queues", "redriving"):
        monkeypatch.setattr(f"pat_events.ops.letters.{module}.QUIET_S", 0.0)
    made: list[Letters] = []

    def make(**settings: bool) -> Letters:
        made.append(Letters(aws, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def native_kafka_cluster(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    """Three brokers of this session's own, to be killed and frozen; leave them running."""
    with ExitStack() as stack:
        yield _enter(stack, request, Kafka, Kafka(brokers=3))


@pytest.fixture(scope="session")
def secured_kafka(request: pytest.FixtureRequest) -> Iterator[SecuredKafka]:
    """A broker of this session's own that asks who is there, with ACLs."""
    with ExitStack() as stack:
        secured = SecuredKafka()
        planted.SECRETS.add(secured._password)
        yield _enter(stack, request, Kafka, secured)


@pytest.fixture
def topic_name(request: pytest.FixtureRequest) -> str:
    """A topic name no other test has."""
    test = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name)[:60].strip("-")
    return f"{test}-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def create_topic(request: pytest.FixtureRequest) -> Iterator[CreateTopic]:
    """Create topics, on ``kafka_broker`` unless told otherwise; they go with the test."""
    created: list[tuple[AdminClient, str]] = []

    def create(
        name: str,
        *,
        partitions: int = 1,
        bootstrap_servers: str | None = None,
        **config: str,
    ) -> str:
        servers = bootstrap_servers
        if servers is None:
            servers = request.getfixturevalue("kafka_broker").bootstrap_servers
        # Kept in a name until the answer is there: the client's end cancels its requests.
        admin = AdminClient({"bootstrap.servers": servers})
        settings = {key.replace("_", "."): value for key, value in config.items()}
        wanted = NewTopic(name, num_partitions=partitions, config=settings)
        admin.create_topics([wanted], operation_timeout=ADMIN_WAIT_S)[name].result(ADMIN_WAIT_S)
        created.append((admin, name))
        # The controller has answered; what a broker tells its clients may lag behind.
        deadline = time.monotonic() + ADMIN_WAIT_S
        while len(admin.list_topics(name, ADMIN_WAIT_S).topics[name].partitions) != partitions:
            assert time.monotonic() < deadline, f"no broker knows of {name}"
        return name

    yield create
    for admin, name in created:
        admin.delete_topics([name])[name].result(ADMIN_WAIT_S)


def _loggers() -> dict[str, logging.Logger]:
    every = logging.Logger.manager.loggerDict.items()
    return {
        name: it
        for name, it in every
        if name.startswith("pat_events") and isinstance(it, logging.Logger)
    }


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """What a command in this process sets for logs is its own, or others would say nothing."""
    levels = {name: logger.level for name, logger in _loggers().items()}
    yield
    for name, logger in _loggers().items():
        logger.setLevel(levels.get(name, logging.NOTSET))
