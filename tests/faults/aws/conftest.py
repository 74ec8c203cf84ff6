"""LocalStack behind a proxy that makes trouble."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.support.fault_proxy import FaultProxy
from tests.support.senders import ON_AWS


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def proxy(localstack_url, stack, aws_credentials):
    return stack.enter_context(FaultProxy(localstack_url))


@pytest.fixture(params=list(ON_AWS))
def target(request, aws, proxy, stack):
    """Somewhere to send to, made and read past the proxy; ``transport`` makes what sends."""
    target = ON_AWS[request.param](aws, proxy.address)
    stack.callback(target.close)
    target.prepare()
    return target
