"""Dead letters of one lane are on their way together where no handler is called between them."""

from __future__ import annotations

import pytest

from pat_events import Handlers
from pat_events.errors import PermanentError, TransportError
from pat_events.events import EmailReceived

TYPE = ("ce_type", b"pat.events.v1.EmailReceived")
STRANGE = ("ce_type", b"pat.events.v1.Unheard")


def group(stage, kind, **settings):
    handled = []
    handlers = Handlers()

    def handle(event, ctx):
        if event.subject == "reject":
            raise PermanentError("no")
        handled.append(f"{event.email_id}/{event.subject}")

    async def handle_async(event, ctx):
        handle(event, ctx)

    handlers.add(EmailReceived, handle if kind == "plain" else handle_async)
    return stage.member(handlers, **settings), handled


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize("order", ["key", "partition"])
def test_what_cannot_be_decoded_is_given_up_together_and_what_is_behind_waits_for_all_of_it(
    stage, kind, order
):
    stage.publish("k/before")
    for n in range(5):
        stage.raw(b"\xff%d" % n, [TYPE])
    stage.publish("k/behind")
    stage.raw(b"\xff5", [TYPE])
    append = stage.broker.append

    def refuse_the_third(outgoing):
        if outgoing.topic.endswith(".dlq") and outgoing.value == b"\xff2":
            raise TransportError("not now")
        return append(outgoing)

    stage.broker.append = refuse_the_third
    member, handled = group(stage, kind, order=order)
    member.turn()
    member.turn()
    assert [letter.value for letter in stage.dead] == [b"\xff0", b"\xff1", b"\xff3", b"\xff4"]
    assert handled == ["k/before"]
    member.turn(0.1)
    assert (handled, member.stats.held) == (["k/before"], 1)
    stage.broker.append = append
    member.run_until(lambda: stage.committed == 8)
    assert [letter.value for letter in stage.dead[-2:]] == [b"\xff2", b"\xff5"]
    assert handled == ["k/before", "k/behind"]


def test_a_handler_that_gives_up_is_not_called_again_before_its_letter_is_written(stage):
    calls = []
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        calls.append(event.subject)
        raise PermanentError("no")

    stage.publish("k/1", "k/2")
    member = stage.member(handlers)
    member.step()
    stage.broker.set_down(down=True)
    for _ in range(3):
        member.turn(0.1)
    assert (calls, stage.dead) == (["1"], [])
    stage.broker.set_down(down=False)
    member.run_until(lambda: stage.committed == 2)
    assert calls == ["1", "2"]


@pytest.mark.parametrize(("headers", "expedited"), [([TYPE], 1), ([STRANGE], 0)])
def test_an_acknowledgement_is_expedited_where_a_lane_waits_for_it(stage, headers, expedited):
    member, _ = group(stage, "plain")
    calls = []
    member.sender.expedite = lambda: calls.append(None)
    stage.raw(b"\xff", headers)
    member.run_until(lambda: stage.committed == 1)
    assert len(calls) == expedited
