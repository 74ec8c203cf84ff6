"""Settings of groups, handlers and retries that are not of the type they have to be."""

from __future__ import annotations

import pytest

from pat_events import ConsumerGroup, Handlers, RetryPolicy
from pat_events.errors import ConfigError
from pat_events.events import EmailReceived
from pat_events.transports.memory import MemoryBroker, MemoryTransport


@pytest.mark.parametrize(
    "setting",
    [
        "max_threads",
        "max_tasks",
        "max_in_flight",
        "max_in_flight_bytes",
        "drain_timeout_s",
        "commit_interval_s",
    ],
)
@pytest.mark.parametrize("value", ["4", None, True])
def test_a_number_of_a_group_is_a_number(setting, value):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    with pytest.raises(ConfigError, match=f"{setting} is {value!r}, of type "):
        ConsumerGroup(
            "email-processor",
            handlers,
            transport=MemoryTransport(MemoryBroker()),
            **{setting: value},
        )


def test_handlers_of_a_group_are_handlers():
    with pytest.raises(ConfigError, match="handlers is None, of type NoneType: give Handlers"):
        ConsumerGroup("email-processor", None, transport=MemoryTransport(MemoryBroker()))


@pytest.mark.parametrize(
    ("register", "words"),
    [
        (lambda it: it.on(EmailReceived, timeout_s="5"), "timeout_s of .* is '5', of type str"),
        (lambda it: it.on(EmailReceived, retry=3), "retry of .* is 3, of type int: .*RetryPolicy"),
        (lambda it: it.batch(EmailReceived, max_events="5"), "max_events is '5', of type str"),
    ],
)
def test_a_setting_of_a_handler_has_its_type(register, words):
    with pytest.raises(ConfigError, match=words):
        register(Handlers())(lambda event, ctx: None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attempts", 2.5),
        ("attempts", "2"),
        ("first_delay_s", "1"),
        ("max_delay_s", None),
        ("multiplier", "2"),
        ("jitter", True),
    ],
)
def test_a_number_of_a_retry_policy_is_a_number(name, value):
    with pytest.raises(ConfigError, match=rf"RetryPolicy\.{name} is {value!r}, of type "):
        RetryPolicy(**{name: value})
