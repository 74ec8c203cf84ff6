import sys
import uuid

import pytest

from pat_events import ConsumerGroup
from pat_events.errors import ConfigError, NotDrainedError
from pat_events.ops.group_loader import load_consumer

GROUP = """
from pat_events import ConsumerGroup, Handlers
from pat_events.events import EmailReceived
from pat_events.transports.memory import MemoryBroker, MemoryTransport
handlers = Handlers()
handlers.add(EmailReceived, lambda event, ctx: None)
group = ConsumerGroup("email-processor", handlers, transport=MemoryTransport(MemoryBroker()))
other = 7
"""

QUEUE = """
from pat_events import Handlers, QueueConsumer
from pat_events.events import EmailReceived
from pat_events.transports.memory import MemoryQueue
handlers = Handlers()
handlers.add(EmailReceived, lambda event, ctx: None)
consumer = QueueConsumer(MemoryQueue("emails"), handlers)

class Other:
    def run(self):
        pass
    stop = run

other = Other()
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module into the current directory; returns its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    written = []

    def write(text):
        name = f"service_{uuid.uuid4().hex}"
        (tmp_path / f"{name}.py").write_text(text)
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


def test_a_group_in_the_current_directory_is_found(module):
    group = load_consumer(f"{module(GROUP)}:group")
    assert isinstance(group, ConsumerGroup)
    assert group.name == "email-processor"


def test_a_consumer_of_a_queue_is_found_and_whatever_runs_likewise(module):
    name = module(QUEUE)
    assert load_consumer(f"{name}:consumer").title == "consumer of emails"
    assert type(load_consumer(f"{name}:other")).__name__ == "Other"
    with pytest.raises(ConfigError, match="its consumers: consumer, other"):
        load_consumer(f"{name}:consumr")


@pytest.mark.parametrize(
    ("text", "attribute", "reason"),
    [
        (GROUP, "grup", "its consumers: group"),
        (GROUP.replace("email-processor", "a b/../c"), "group", "rename the group or the topic"),
        (GROUP, "ConsumerGroup", "is a type: name a consumer"),
        (GROUP, "other", "is a int: name a consumer"),
        ("import not_there_at_all", "group", "needs 'not_there_at_all'"),
        ("1 / 0", "group", "ZeroDivisionError"),
        ("def", "group", "SyntaxError"),
    ],
)
def test_what_is_wrong_with_a_module_is_said(module, text, attribute, reason):
    with pytest.raises(ConfigError, match=reason):
        load_consumer(f"{module(text)}:{attribute}")


@pytest.mark.parametrize(
    "spec", ["module", "module:", ":group", "module:a b", "nowhere.at_all:group"]
)
def test_a_spec_that_names_no_module_is_refused(module, spec):
    with pytest.raises(ConfigError):
        load_consumer(spec)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("RuntimeError('boom')", "RuntimeError: boom"),
        ("ConfigError('no broker is named')", "no broker is named"),
    ],
)
def test_what_a_module_raises_is_said_with_the_line_of_it(module, tmp_path, raised, said):
    helper = module(f"from pat_events.errors import ConfigError\ndef fail():\n    raise {raised}")
    name = module(f"import {helper}\n\n{helper}.fail()")
    place = tmp_path / f"{name}.py"
    with pytest.raises(ConfigError) as refused:
        load_consumer(f"{name}:group")
    assert str(refused.value) == f"importing {name} failed at {place}:3: {said}"


def test_the_line_may_be_in_another_module_of_its_package(module, tmp_path):
    package = f"package_{uuid.uuid4().hex}"
    (tmp_path / package).mkdir()
    (tmp_path / package / "main.py").write_text(f"from {package} import broken")
    (tmp_path / package / "broken.py").write_text("\nint('x')")
    with pytest.raises(ConfigError, match=r"main failed at .*/broken\.py:2: ValueError"):
        load_consumer(f"{package}.main:group")


def test_a_group_that_a_module_runs_itself_and_does_not_drain_is_said_as_such(module):
    text = "from pat_events.errors import NotDrainedError\nraise NotDrainedError('2 at work')"
    with pytest.raises(NotDrainedError, match=r"^2 at work$"):
        load_consumer(f"{module(text)}:group")
