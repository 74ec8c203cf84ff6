from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
import weakref

import pytest

from pat_events import Config, Position, Producer
from pat_events.errors import (
    BufferFullError,
    ClosedError,
    ConfigError,
    NotDeliveredError,
    TopicMissingError,
    TransportError,
    TransportTimeoutError,
)
from pat_events.events import EmailReceived


def event(number=0):
    return EmailReceived(email_id=f"e-{number}")


class TestAck:
    def test_the_result_is_the_position_in_the_log(self, make, log):
        ack = make().publish(event())
        (record,) = log.records("pat-emails")
        assert ack.result(30) == ack.position == record.position
        assert ack.done()
        assert str(record.position) in repr(ack)

    def test_the_result_of_what_is_no_log_is_the_id_it_gave(self):
        class Bus:
            system = "a.bus"

            def sender(self, config, observers, spans):
                return self

            def send(self, outgoing):
                outgoing.settle(None, "id-1")

        ack = Producer(Config(connect_timeout_s=0), transport=Bus()).publish(event())
        assert ack.result(30) == ack.position == Position("pat-emails", message_id="id-1")

    def test_an_event_on_its_way_is_not_done(self, make, log):
        log.set_down(down=True)
        ack = make().publish(event())
        assert not ack.done()
        assert ack.position is None
        assert "waiting" in repr(ack)

    def test_waiting_ends_at_the_timeout_and_the_event_may_still_arrive(self, make, log):
        producer = make()
        log.set_down(down=True)
        ack = producer.publish(event())
        with pytest.raises(TransportTimeoutError, match=r"within 0\.01 s; it stays"):
            ack.result(0.01)
        log.set_down(down=False)
        producer.flush(30)
        assert ack.result(0).offset == 0

    def test_a_thread_that_waits_is_woken(self, make, log):
        producer = make()
        log.set_down(down=True)
        ack = producer.publish(event())
        results = []
        thread = threading.Thread(target=lambda: results.append(ack.result(10)))
        thread.start()
        log.set_down(down=False)
        producer.flush(5)
        thread.join(5)
        assert results == [ack.position]

    def test_the_reason_of_a_failure_is_raised_each_time(self, make, log):
        log._topics.pop("pat-emails")
        producer = make()
        ack = producer.publish(event())
        for _ in range(2):
            with pytest.raises(TopicMissingError, match="pat-emails"):
                ack.result(30)
        with pytest.raises(TopicMissingError):
            asyncio.run(wait(ack))
        with pytest.raises(NotDeliveredError):
            producer.flush(30)

    def test_callbacks_run_once_whether_added_before_or_after(self, make, log):
        producer, called = make(), []
        log.set_down(down=True)
        ack = producer.publish(event())
        ack.add_done_callback(lambda it: called.append(("before", it)))
        assert called == []
        log.set_down(down=False)
        producer.flush(30)
        ack.add_done_callback(lambda it: called.append(("after", it)))
        assert called == [("before", ack), ("after", ack)]

    def test_a_callback_that_raises_is_logged_and_harms_nobody(self, make, log, caplog):
        producer, called = make(), []
        log.set_down(down=True)
        first, second = producer.publish(event(1)), producer.publish(event(2))
        first.add_done_callback(lambda _: 1 // 0)
        first.add_done_callback(called.append)
        second.add_done_callback(called.append)
        log.set_down(down=False)
        with caplog.at_level(logging.ERROR):
            producer.flush(30)
        assert called == [first, second]
        assert "ZeroDivisionError" in caplog.text

    @pytest.mark.parametrize("raised", [asyncio.CancelledError, SystemExit, KeyboardInterrupt])
    def test_whatever_a_callback_raises_the_thread_that_collects_goes_on(
        self, make, log, caplog, raised
    ):
        producer, called = make(), []
        log.set_down(down=True)
        ack = producer.publish(event())

        def fail(_):
            raise raised

        ack.add_done_callback(fail)
        ack.add_done_callback(called.append)
        log._down = False
        collecting = threading.Thread(target=lambda: (producer.flush(5), called.append("on")))
        collecting.start()
        collecting.join(20)
        assert called == [ack, "on"]
        assert raised.__name__ in caplog.text

    @pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt])
    def test_a_signal_that_ends_the_process_is_not_lost_in_a_callback(self, make, log, raised):
        producer, called = make(), []
        log.set_down(down=True)
        ack = producer.publish(event())

        def interrupted(_):
            raise raised

        ack.add_done_callback(interrupted)
        ack.add_done_callback(called.append)
        with pytest.raises(raised):
            log.set_down(down=False)
        assert called == [ack]

    def test_a_callback_may_publish(self, make, log):
        producer = make()
        log.set_down(down=True)
        ack = producer.publish(event(1))
        ack.add_done_callback(lambda _: producer.publish(event(2)))
        log.set_down(down=False)
        producer.flush(30)
        assert len(log.records("pat-emails")) == 2

    def test_a_settled_handle_lets_go_of_the_payload(self, make):
        ack = make().publish(event())
        assert ack.value is None
        assert not ack.headers


async def wait(ack):
    return await ack


class TestAwaiting:
    def test_a_thousand_coroutines_each_get_their_own_position(self, broker, kafka_producer):
        producer = kafka_producer()

        async def publish(number):
            return await producer.publish(event(number))

        async def main():
            async with asyncio.timeout(60):
                return await asyncio.gather(*(publish(number) for number in range(1000)))

        positions = asyncio.run(main())
        assert len(set(positions)) == 1000
        assert {it.topic for it in positions} == {"pat-emails"}

    def test_a_cancelled_wait_leaves_the_event_alone(self, make, log):
        producer = make()

        async def main():
            log.set_down(down=True)
            ack = producer.publish(event())
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(wait(ack), 0.01)
            another = asyncio.create_task(wait(ack))
            await asyncio.sleep(0)
            log.set_down(down=False)
            await asyncio.to_thread(producer.flush, 5)
            async with asyncio.timeout(60):
                return await another

        assert asyncio.run(main()).offset == 0

    def test_several_coroutines_may_wait_for_one_event(self, make, log):
        producer = make()

        async def main():
            log.set_down(down=True)
            ack = producer.publish(event())
            waiters = [asyncio.create_task(wait(ack)) for _ in range(3)]
            await asyncio.sleep(0)
            log.set_down(down=False)
            await asyncio.to_thread(producer.flush, 5)
            return await asyncio.gather(*waiters)

        assert len(set(asyncio.run(main()))) == 1

    def test_a_loop_that_ended_is_forgotten(self, make, log):
        producer = make()

        async def main():
            log.set_down(down=True)
            waiter = asyncio.create_task(wait(producer.publish(event())))
            await asyncio.sleep(0)
            log.set_down(down=False)
            await asyncio.to_thread(producer.flush, 5)
            await waiter
            return weakref.ref(asyncio.get_running_loop())

        loop = asyncio.run(main())
        gc.collect()
        assert loop() is None

    def test_a_loop_is_forgotten_though_the_acknowledgement_came_after_its_end(self, make, log):
        producer = make()

        async def main():
            log.set_down(down=True)
            waiter = asyncio.create_task(wait(producer.publish(event())))
            await asyncio.sleep(0)
            waiter.cancel()
            return weakref.ref(asyncio.get_running_loop())

        loop = asyncio.run(main())
        log.set_down(down=False)
        producer.flush(5)
        gc.collect()
        assert loop() is None

    def test_an_acknowledgement_after_the_loop_ended_harms_nobody(self, make, log, caplog):
        producer = make()

        async def main():
            log.set_down(down=True)
            ack = producer.publish(event())
            waiter = asyncio.create_task(wait(ack))
            await asyncio.sleep(0)
            waiter.cancel()
            return ack, asyncio.get_running_loop()

        ack, loop = asyncio.run(main())
        assert loop.is_closed()  # and kept, or it would be forgotten
        log.set_down(down=False)
        producer.flush(5)
        assert ack.result(0).offset == 0
        assert caplog.records == []  # a callback that raises is only logged


class TestBackPressure:
    def fill(self, producer, log):
        log.set_down(down=True)
        return [producer.publish(event(number)) for number in range(10)]

    def test_a_thread_waits_as_long_as_it_chose(self, clock, make, log):
        producer = make(publish_timeout_s=600)
        self.fill(producer, log)
        began = clock.now
        with pytest.raises(BufferFullError, match=r"full \(10 events "):
            producer.publish(event(99))
        assert clock.now - began == 600

    def test_a_thread_goes_on_when_there_is_room(self, make, log):
        producer = make(publish_timeout_s=20)
        self.fill(producer, log)
        published = []
        thread = threading.Thread(target=lambda: published.append(producer.publish(event(99))))
        thread.start()
        log.set_down(down=False)
        thread.join(10)
        assert published[0].result(30)
        assert len(log.records("pat-emails")) == 11

    def test_on_a_loop_a_full_buffer_is_said_at_once(self, make, log):
        producer = make(publish_timeout_s=600)
        self.fill(producer, log)

        async def main():
            producer.publish(event(99))

        begin = time.monotonic()
        with pytest.raises(BufferFullError, match=r"await producer\.apublish"):
            asyncio.run(main())
        assert time.monotonic() - begin < 5

    def test_a_coroutine_awaits_room_and_the_loop_goes_on(self, make, log):
        producer = make(publish_timeout_s=20)
        self.fill(producer, log)

        async def main():
            waiting = asyncio.create_task(producer.apublish(event(99)))
            await asyncio.sleep(0.01)
            assert not waiting.done()
            log.set_down(down=False)
            producer._sender.wait_for_room(0)
            return await (await waiting)

        assert asyncio.run(main()).topic == "pat-emails"
        assert len(log.records("pat-emails")) == 11

    def test_a_coroutine_waits_no_longer_than_it_chose(self, make, log):
        producer = make(publish_timeout_s=0.05)
        self.fill(producer, log)
        with pytest.raises(BufferFullError):
            asyncio.run(producer.apublish(event(99)))

    def test_what_was_refused_is_not_in_the_log(self, make, log):
        producer = make(publish_timeout_s=0.01)
        acks = self.fill(producer, log)
        with pytest.raises(BufferFullError):
            producer.publish(event(99))
        log.set_down(down=False)
        producer.flush(5)
        assert all(ack.done() for ack in acks)
        assert len(log.records("pat-emails")) == 10


class TestEnding:
    def test_flush_names_what_still_waits_and_keeps_it(self, clock, make, log):
        producer = make()
        log.set_down(down=True)
        ack = producer.publish(event())
        began = clock.now
        with pytest.raises(NotDeliveredError, match="1 still waiting") as told:
            producer.flush(30)
        assert clock.now - began == 30
        assert told.value.event_ids == (ack.event_id,)
        log.set_down(down=False)
        producer.flush(5)
        assert ack.result(0)

    @pytest.mark.parametrize("timeout_s", ["x", None, float("nan"), -1, True])
    def test_a_time_to_wait_that_is_none_is_refused(self, make, timeout_s):
        producer = make()
        for wait in (producer.flush, producer.close):
            with pytest.raises(ConfigError, match="timeout_s is"):
                wait(timeout_s)
        producer.close(0)

    def test_flush_names_what_failed_since_the_last_one(self, make, log):
        log._topics.pop("pat-emails")
        producer = make()
        ack = producer.publish(event())
        with pytest.raises(NotDeliveredError, match="1 failed") as told:
            producer.flush(30)
        assert told.value.event_ids == (ack.event_id,)
        producer.flush(30)

    def test_every_failure_is_counted_and_so_many_are_named(self, make, log, monkeypatch):
        monkeypatch.setattr("pat_events.producer.failures._KEPT", 2)
        log._topics.pop("pat-emails")
        producer = make()
        acks = [producer.publish(event()) for _ in range(3)]
        with pytest.raises(NotDeliveredError, match="3 failed; the ids of 2 of them are") as told:
            producer.flush(30)
        assert told.value.event_ids == (acks[0].event_id, acks[1].event_id)

    def test_failures_of_a_kind_are_logged_once_in_half_a_minute(self, clock, make, log, caplog):
        log._topics.pop("pat-emails")
        producer = make()
        for later_s in (0, 10, 10, 10):
            clock.advance(later_s)
            producer.publish(event())
        with pytest.raises(NotDeliveredError, match="4 failed"):
            producer.flush(30)
        first, second = (record.getMessage() for record in caplog.records)
        assert first.endswith("create it first")
        assert second.endswith("(and 2 more like it)")

    def test_close_names_what_it_gave_up(self, clock, make, log):
        producer = make()
        log.set_down(down=True)
        ack = producer.publish(event())
        began = clock.now
        with pytest.raises(NotDeliveredError, match="1 given up") as told:
            producer.close(30)
        assert clock.now - began == 30
        assert told.value.event_ids == (ack.event_id,)
        with pytest.raises(TransportError):
            ack.result(0)
        producer.close(0.01)

    def test_leaving_the_block_waits_for_every_event(self, broker, kafka_producer):
        with kafka_producer() as producer:
            acks = [producer.publish(event(number)) for number in range(50)]
        assert all(ack.result(0) for ack in acks)

    def test_leaving_an_async_block_waits_for_every_event(self, broker, kafka_producer):
        async def main():
            async with kafka_producer() as producer:
                return [producer.publish(event(number)) for number in range(50)]

        assert all(ack.result(0) for ack in asyncio.run(main()))

    def test_an_error_of_the_block_comes_out_with_what_was_not_delivered(self, make, log):
        producer = make()
        log._topics.pop("pat-emails")
        with pytest.raises(KeyError, match="mine") as raised, producer:  # noqa: PT012
            producer.publish(event())
            raise KeyError("mine")
        assert "1 failed" in raised.value.__notes__[0]

    def test_a_block_that_delivered_too_little_says_so(self, make, log):
        log._topics.pop("pat-emails")
        with pytest.raises(NotDeliveredError), make() as producer:
            producer.publish(event())

    def test_a_closed_producer_takes_nothing(self, make):
        producer = make()
        producer.close()
        with pytest.raises(ClosedError, match="make a new one"):
            producer.publish(event())
