"""Stores of each kind, the servers behind them made once a session."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis as Client

from pat_events import AwsConfig, DynamoDbDedupe, MemoryDedupe, RedisDedupe
from tests.support.dynamodb import TABLE, dynamodb, make_table
from tools.stack.errors import MissingToolError
from tools.stack.redis import Redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Clock:
    """By which claims end, where a store lets it be given."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Kept:
    """A store, a second client of it, and how time passes for both."""

    store: Any
    other: Any
    key: Callable[[str], bytes]
    pass_s: Callable[[float], None]


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    try:
        with Redis() as server:
            yield server
    except MissingToolError as missing:
        pytest.skip(f"no redis: {missing}")


@pytest.fixture(scope="session")
def dynamodb_url() -> Iterator[str]:
    with dynamodb() as address:
        yield address


@pytest.fixture
def make_redis(redis: Redis) -> Iterator[Callable[..., RedisDedupe]]:
    made: list[RedisDedupe] = []

    def make(**settings: Any) -> RedisDedupe:
        made.append(RedisDedupe(redis.address, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def make_dynamodb(dynamodb_url: str, aws_credentials: None) -> Iterator[Callable[..., Any]]:
    # It copies all of a table for each transaction.
    remove_table = make_table(dynamodb_url)
    made: list[DynamoDbDedupe] = []

    def make(address: str = dynamodb_url, **settings: Any) -> DynamoDbDedupe:
        config = AwsConfig(region="us-east-1", endpoint_url=address, read_timeout_s=5)
        made.append(DynamoDbDedupe(TABLE, config, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()
    remove_table()


def _keys() -> Callable[[str], bytes]:
    # Servers outlive tests.
    test = uuid.uuid4().hex
    return lambda name: f"{{{test}}} {name}".encode()


@pytest.fixture(params=["memory", "redis", "dynamodb"])
def kept(request: pytest.FixtureRequest) -> Kept:
    clock = Clock()
    if request.param == "memory":
        store: Any = MemoryDedupe(clock=clock)
        return Kept(store, store, _keys(), clock.pass_s)
    if request.param == "redis":
        make = request.getfixturevalue("make_redis")
        return Kept(make(), make(), _keys(), request.getfixturevalue("hasten"))
    make = request.getfixturevalue("make_dynamodb")
    clocks = {"clock": clock, "wall_clock": clock}
    return Kept(make(**clocks), make(**clocks), _keys(), clock.pass_s)


@pytest.fixture
def hasten(redis: Redis) -> Callable[[float], None]:
    """Let what Redis keeps expire by so much: its clock cannot be set."""

    def hasten(seconds: float) -> None:
        with Client.from_url(redis.address, protocol=2) as client:
            for key in client.scan_iter(count=1000):
                left_ms = client.pttl(key)
                if left_ms > 0:
                    client.pexpire(key, max(1, int(left_ms - seconds * 1000)))
            time.sleep(0.005)

    return hasten
