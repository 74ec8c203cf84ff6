"""The sink answers as the services do: what is measured there runs on LocalStack, too."""

from __future__ import annotations

import pytest

from perf import buses
from perf.bus_run import resources, sink


@pytest.fixture(scope="module")
def endpoint():
    with pytest.MonkeyPatch.context() as patch, sink() as address:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        yield address


@pytest.mark.parametrize("bus", ["eventbridge", "sqs", "sns"])
@pytest.mark.parametrize("how", [buses.send_raw, buses.send_ours], ids=["raw", "ours"])
def test_every_event_is_acknowledged(endpoint, bus, how):
    told = how(bus, endpoint, "perf", 30)
    assert told["errors"] == 0
    assert told["cpu_us"] > 0


@pytest.mark.parametrize("how", [buses.receive_raw, buses.receive_ours], ids=["raw", "ours"])
def test_a_queue_hands_out_as_many_messages_as_its_name_says(endpoint, how):
    told = how(endpoint, f"{how.__name__}-30", 30)
    assert told["errors"] == 0


@pytest.mark.localstack
@pytest.mark.usefixtures("aws_credentials")
def test_the_same_runs_on_localstack(localstack_url):
    with resources(localstack_url) as name:
        for bus in ("eventbridge", "sns"):
            for send in (buses.send_raw, buses.send_ours):
                assert send(bus, localstack_url, name, 20)["errors"] == 0
        for how, receive in (("raw", buses.receive_raw), ("ours", buses.receive_ours)):
            queue = f"{name}-{how}"
            # One more goes before it is measured.
            buses.send_ours("sqs", localstack_url, queue, 20)
            assert receive(localstack_url, queue, 21)["errors"] == 0
