"""What a producer tells its observers."""

from __future__ import annotations

import pytest

from pat_events import Config, Producer
from pat_events.errors import BufferFullError, ConfigError
from pat_events.events import EmailReceived
from pat_events.telemetry import Acknowledged, BufferWaited
from pat_events.transports.memory import MemoryTransport


class Seen(list):
    def saw(self, what):
        self.append(what)


class Broken:
    def saw(self, what):
        raise RuntimeError(what)


def test_observers_are_told_what_was_acknowledged_and_harm_nobody(log):
    seen = Seen()
    observers = [Broken(), seen]
    with Producer(Config(), transport=MemoryTransport(log), observers=observers) as producer:
        assert producer.publish(EmailReceived(email_id="e-1")).done()
    assert seen == [Acknowledged(1)]


def test_a_sender_that_is_there_already_has_its_observers(log):
    transport = MemoryTransport(log)
    sender = transport.sender(Config())
    with pytest.raises(ConfigError, match="give them to whoever makes this one"):
        Producer(Config(), transport=transport, sender=sender, observers=[Seen()])


def test_what_observes_nothing_is_refused(log):
    with pytest.raises(ConfigError, match=r"one of observers is .*: give an object with a method"):
        Producer(Config(), transport=MemoryTransport(log), observers=[print])


def test_who_waited_for_room_in_vain_is_told_and_for_how_long(log):
    seen = Seen()
    config = Config(buffer_events=1, publish_timeout_s=0.01)
    with Producer(config, transport=MemoryTransport(log), observers=[seen]) as producer:
        log.set_down(down=True)
        producer.publish(EmailReceived(email_id="e-1"))
        with pytest.raises(BufferFullError):
            producer.publish(EmailReceived(email_id="e-2"))
        log.set_down(down=False)
        (waited,) = [it for it in seen if isinstance(it, BufferWaited)]
    assert waited.seconds >= 0.01
