"""Receiving from SQS: one queue, standard or FIFO."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pat_events.catalog.load import load_catalog
from pat_events.config import Config
from pat_events.errors import ClosedError, NotPermittedError
from pat_events.transports.aws.client import Clients
from pat_events.transports.aws.config import MOST_ENTRIES, AwsConfig
from pat_events.transports.aws.errors import Resource, of_code, of_exception, unheard_of
from pat_events.transports.aws.queue_names import (
    ask_queue_id,
    check_queue,
    redrive_of,
    short_name,
    url_of,
)
from pat_events.transports.aws.received import to_message
from pat_events.transports.aws.unwrap import Unwrapping
from pat_events.transports.queue import QueueFeatures, Undone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pat_events.transports.aws.unwrap import Unwrap
    from pat_events.transports.queue import QueueMessage

# Longest that a call waits for messages, in seconds. SQS would wait for 20; a connection that hangs
# is found out so much sooner.
_MAX_WAIT_S: Final = 5
# What SQS keeps at most, in seconds.
MAX_VISIBILITY_S: Final = 43_200
# As many calls as receive at a time, and as many as settle.
_CONNECTIONS: Final = 8
# Said of a receipt that gets no better. Whose fault it is, which answers tell as well, differs
# from place to place.
_GONE: Final = frozenset(
    {"InvalidIdFormat", "InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid"}
)
_RIGHTS: Final = (
    "sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and sqs:GetQueueAttributes "
    "(and sqs:GetQueueUrl for a queue that is named)"
)
_SYSTEM_ATTRIBUTES: Final = (
    "AWSTraceHeader",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "MessageGroupId",
    "SentTimestamp",
)


class SqsQueue:
    """A queue of SQS to receive from, for ``QueueConsumer``.

    Args:
        queue: Its name, URL or ARN.
        config: Where and how; from ``PAT_EVENTS_AWS_*`` when None.

    Raises:
        ConfigError: this is no queue's name, URL or ARN.
    """

    def __init__(self, queue: str, config: AwsConfig | None = None) -> None:
        check_queue(queue)
        self._queue = queue
        config = replace(AwsConfig.given(config, queue), calls_in_flight=_CONNECTIONS)
        self._clients = Clients("sqs", config)

    @property
    def name(self) -> str:
        """Its name; see ``Queue.name``."""
        return short_name(self._queue)

    @property
    def system(self) -> str:
        """SQS; see ``Queue.system``."""
        return "aws_sqs"

    def features(self, timeout_s: float) -> QueueFeatures:
        """Ask what the queue can do; see ``Queue.features``."""
        answers: list[Mapping[str, str] | NotPermittedError] = []

        def look(client: Any) -> None:  # noqa: ANN401 - boto3 makes its classes when it runs
            try:
                answers.append(_attributes(client, self._queue))
            except Exception as error:
                refused = of_exception(self._resource(client), error).error
                if not isinstance(refused, NotPermittedError):
                    raise
                answers.append(refused)

        self._clients.ask(timeout_s, self._place_in, look)
        answer = answers[-1]
        if isinstance(answer, NotPermittedError):
            raise answer
        redrive = redrive_of(answer)
        return QueueFeatures(
            fifo=self._is_fifo,
            max_receives=None if redrive is None else redrive.max_receives,
            max_visibility_s=MAX_VISIBILITY_S,
            max_batch=MOST_ENTRIES,
        )

    def queue_id(self, timeout_s: float) -> str:
        """Return its region, account and name; see ``Queue.queue_id``."""
        return ask_queue_id(self._queue, partial(self._clients.ask, timeout_s, self._place_in))

    def receiver(self, config: Config | None = None) -> SqsReceiver:
        """Return a new receiver; what SNS and EventBridge wrap around an event is taken off.

        Raises:
            ConfigError: no region is named, the extra ``aws`` is not installed, or the catalogue
                cannot be used.
        """
        unwrap = Unwrapping(load_catalog(Config.given(config).catalog))
        client = self._clients.make()
        # Of its own, as no other call is to hang for so long: what it keeps would be kept no more.
        waiting = self._clients.make(wait_s=_MAX_WAIT_S)
        resource = self._resource(client)
        return SqsReceiver(client, waiting, self._queue, resource, unwrap, fifo=self._is_fifo)

    @property
    def _is_fifo(self) -> bool:
        return self._queue.endswith(".fifo")

    def _resource(self, client: Any) -> Resource:  # noqa: ANN401 - as above
        return self._place_in(client.meta.region_name)

    def _place_in(self, region: str) -> Resource:
        return Resource(f"queue {self.name}", region, _RIGHTS, doing="receiving from")


class SqsReceiver:
    """Receives from one queue; see ``QueueReceiver``.

    Args:
        client: For what is quickly answered.
        waiting: For the calls that wait for messages.
        queue: Name or URL.
        resource: What errors name.
        unwrap: Takes off what was wrapped around an event.
        fifo: Whether messages of one group keep their order.
        kept: Gets what is received as it came, with all of its attributes, by message id.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3 makes its classes when it runs
        waiting: Any,  # noqa: ANN401 - as above
        queue: str,
        resource: Resource,
        unwrap: Unwrap,
        *,
        fifo: bool,
        kept: dict[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._client = client
        self._waiting = waiting
        self._queue = queue
        self._resource = resource
        self._unwrap = unwrap
        self._fifo = fifo
        self._kept = kept
        self._url: str | None = None
        self._closed = threading.Event()

    def receive(self, max_messages: int, wait_s: float, visibility_s: int) -> list[QueueMessage]:
        """Return what is there; waits for whole seconds, 5 at most."""
        if self._closed.is_set():
            raise ClosedError("the receiver was closed: make a new one")
        answer = self._call(
            self._waiting.receive_message,
            MaxNumberOfMessages=max_messages,
            WaitTimeSeconds=min(math.ceil(wait_s), _MAX_WAIT_S),
            VisibilityTimeout=visibility_s,
            MessageSystemAttributeNames=_SYSTEM_ATTRIBUTES if self._kept is None else ("All",),
            MessageAttributeNames=["All"],
        )
        found = answer.get("Messages", ())
        if self._kept is not None:
            self._kept |= {each["MessageId"]: each for each in found}
        name = short_name(self._queue)
        return [to_message(name, each, self._unwrap, fifo=self._fifo) for each in found]

    def delete(self, receipts: Sequence[str]) -> list[Undone]:
        """Delete messages."""
        entries = [{"Id": str(n), "ReceiptHandle": each} for n, each in enumerate(receipts)]
        answer = self._call(self._client.delete_message_batch, Entries=entries)
        return self._undone(receipts, answer)

    def change_visibility(self, receipts: Sequence[str], visibility_s: int) -> list[Undone]:
        """Keep messages, or give them back."""
        entries = [
            {"Id": str(n), "ReceiptHandle": each, "VisibilityTimeout": visibility_s}
            for n, each in enumerate(receipts)
        ]
        answer = self._call(self._client.change_message_visibility_batch, Entries=entries)
        return self._undone(receipts, answer)

    def close(self) -> None:
        """Receive no more; a call under way goes on to its end."""
        self._closed.set()

    def release(self) -> None:
        """Let go of connections; see ``QueueReceiver``."""
        self.close()
        self._client.close()
        self._waiting.close()

    def _call(self, method: Callable[..., Any], **fields: object) -> Mapping[str, Any]:
        try:
            if self._url is None:
                self._url = url_of(self._queue, self._client)
            answer: Mapping[str, Any] = method(QueueUrl=self._url, **fields)
        except Exception as error:
            raise of_exception(self._resource, error).error from error
        return answer

    def _undone(self, receipts: Sequence[str], answer: Mapping[str, Any]) -> list[Undone]:
        """Return what was not done, by an answer to a batch whose ids are its numbers."""
        done = {it["Id"] for it in answer.get("Successful", ())}
        failed = {it["Id"]: it for it in answer.get("Failed", ())}
        undone = []
        for number, receipt in enumerate(receipts):
            if str(number) in done:
                continue
            said = failed.get(str(number))
            if said is None:
                undone.append(Undone(receipt, gone=False, error=unheard_of(self._resource).error))
                continue
            code = said.get("Code", "?")
            refused = of_code(self._resource, code, said.get("Message", ""))
            gone = code.rpartition(".")[2].removesuffix("Exception") in _GONE
            undone.append(Undone(receipt, gone, refused.error))
        return undone


def _attributes(client: Any, queue: str) -> Mapping[str, str]:  # noqa: ANN401 - as above
    answer = client.get_queue_attributes(
        QueueUrl=url_of(queue, client), AttributeNames=["QueueArn", "RedrivePolicy"]
    )
    attributes: Mapping[str, str] = answer.get("Attributes", {})
    return attributes
