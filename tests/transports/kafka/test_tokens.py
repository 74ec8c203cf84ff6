from __future__ import annotations

import base64
import json
import threading
import time

import pytest

from pat_events import KafkaConfig, KafkaTransport, Producer
from pat_events.errors import AuthenticationError, ConfigError
from pat_events.transports.kafka.tokens import TokenSource, own_source
from tests.support.clusters import on_kafka


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def source(fetch, clock, **limits):
    return TokenSource("the test", fetch, "look at the test", clock=clock, **limits)


def test_a_token_serves_every_client_until_half_of_its_life_is_over(clock):
    fetched = []

    def fetch():
        fetched.append(clock.now)
        return f"token-{len(fetched)}", clock.now + 100

    tokens = source(fetch, clock)
    assert [tokens.token()[0], tokens.token()[0], tokens("")[0]] == ["token-1"] * 3
    clock.now += 51
    assert tokens.token() == ("token-2", 1151.0)


def test_clients_that_ask_at_once_share_one_fetch(clock):
    fetched = []
    inside = threading.Semaphore(0)

    def look_at_the_clock():  # As each does first of all, with the lock held.
        inside.release()
        return clock.now

    def fetch():
        fetched.append(1)
        assert all(inside.acquire(timeout=20) for _ in range(4))
        return "token", clock.now + 100

    tokens = source(fetch, look_at_the_clock, limit_s=30)
    got = []
    threads = [threading.Thread(target=lambda: got.append(tokens.token()[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (got, fetched) == (["token"] * 4, [1])


def test_a_source_that_hangs_is_given_up_and_not_asked_a_second_time_beside(clock):
    fetched = []
    ends = threading.Event()

    def fetch():
        fetched.append(1)
        assert ends.wait(10)
        return "token", clock.now + 100

    tokens = source(fetch, clock, limit_s=0.05)
    for _ in range(3):
        with pytest.raises(
            AuthenticationError, match=r"the test: .*not answered.*look at the test"
        ):
            tokens.token()
    assert fetched == [1]
    ends.set()


def test_why_there_is_no_token_is_kept(clock, caplog):
    def fetch():
        raise LookupError("no such profile")

    tokens = source(fetch, clock)
    with pytest.raises(AuthenticationError, match="the test: LookupError: no such profile"):
        tokens.token()
    with pytest.raises(AuthenticationError):
        tokens("")
    assert "no such profile" in caplog.text


def test_a_failure_is_not_kept(clock):
    answers = [OSError("down"), ("token", 2000.0)]

    def fetch():
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    tokens = source(fetch, clock)
    with pytest.raises(AuthenticationError, match="down"):
        tokens.token()
    assert tokens.token() == ("token", 2000.0)


def test_a_socket_that_timed_out_is_not_taken_for_our_own_limit(clock):
    def fetch():
        raise TimeoutError("the token endpoint")

    with pytest.raises(AuthenticationError, match="the token endpoint"):
        source(fetch, clock).token()


def test_a_token_that_is_over_is_refused(clock):
    with pytest.raises(AuthenticationError, match="ended 5 s ago"):
        source(lambda: ("token", clock.now - 5), clock).token()


def of_a_module():
    raise LookupError("asked")


def test_a_source_is_named_by_module_and_function():
    source = own_source("http:HTTPStatus")  # a callable that is no source, and is called
    with pytest.raises(AuthenticationError, match="token_source http:HTTPStatus: TypeError"):
        source.token()
    assert own_source("http:HTTPStatus") is source


@pytest.mark.parametrize("name", ["no_such_module:f", "http:nothing", "http:__name__"])
def test_a_source_that_is_not_there_is_a_wrong_setting(name):
    with pytest.raises(ConfigError, match=f"token_source '{name}'"):
        own_source(name)


def test_a_source_that_fails_is_told_when_a_client_is_made():
    with pytest.raises(AuthenticationError, match=r"of_a_module: LookupError: asked"):
        Producer(**on_kafka("127.0.0.1:1", token_source=of_a_module))


@pytest.mark.kafka
def test_tokens_of_ones_own_sign_in(secured_kafka):
    tls = {
        name: value for name, value in secured_kafka.tls().items() if name != "security.protocol"
    }
    config = KafkaConfig(
        bootstrap_servers=secured_kafka.token_servers,
        client_properties=tls,
        token_source=unsigned_token,
    )
    Producer(transport=KafkaTransport(config)).close()


def unsigned_token():
    """A token that the test broker takes, as nobody signed it."""
    ends = time.time() + 300
    parts = ({"alg": "none"}, {"sub": "somebody", "iat": ends - 300, "exp": ends})
    coded = [base64.urlsafe_b64encode(json.dumps(it).encode()).rstrip(b"=") for it in parts]
    return b".".join([*coded, b""]).decode(), ends
