"""What is permitted, found out by calls that are let in first and refused then. Changes nothing.

A message that no queue takes, a receipt that was never given: nothing is sent, received or deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pat_events.errors import (
    AuthenticationError,
    NotPermittedError,
    TransportTimeoutError,
    TransportUnavailableError,
)
from pat_events.transports.aws.errors import Resource, of_code, of_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pat_events.errors import PatEventsError

# What keeps a question from being answered, and so says nothing of what was asked.
_NO_ANSWER: Final = (AuthenticationError, TransportTimeoutError, TransportUnavailableError)
# What is asked for is named by whoever tells of it.
_ANY: Final = Resource("AWS", "", "it", "asking")
_NO_RECEIPT: Final = "none"
# None of XML's: SQS refuses it.
_NO_BODY: Final = "\x00"


class Trials:
    """Tries what a service needs to be permitted.

    Args:
        client: Returns boto3's client of a service.
    """

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client

    def lacks_to_receive(self, url: str) -> list[str]:
        """Return what of receiving from this queue is not permitted.

        Raises:
            TransportError: there was no answer.
        """
        sqs = self._client("sqs")
        receipt = {"QueueUrl": url, "ReceiptHandle": _NO_RECEIPT}
        return self._lacking(
            {
                "sqs:ReceiveMessage": lambda: sqs.receive_message(
                    QueueUrl=url, MaxNumberOfMessages=11
                ),
                "sqs:DeleteMessage": lambda: sqs.delete_message(**receipt),
                "sqs:ChangeMessageVisibility": lambda: sqs.change_message_visibility(
                    VisibilityTimeout=0, **receipt
                ),
            }
        )

    def lacks_to_send(self, url: str) -> list[str]:
        """Return what of sending to this queue is not permitted; as ``lacks_to_receive``."""
        sqs = self._client("sqs")
        fields = {"QueueUrl": url, "MessageBody": _NO_BODY}
        if url.endswith(".fifo"):
            fields |= {"MessageGroupId": "doctor", "MessageDeduplicationId": "doctor"}
        return self._lacking({"sqs:SendMessage": lambda: sqs.send_message(**fields)})

    def lacks_to_publish(self, topic: str) -> list[str]:
        """Return what of publishing to this topic is not permitted; as ``lacks_to_receive``."""
        fields = {"TopicArn": topic, "Message": ""}
        if topic.endswith(".fifo"):
            fields |= {"MessageGroupId": "doctor", "MessageDeduplicationId": "doctor"}
        return self._lacking({"sns:Publish": lambda: self._client("sns").publish(**fields)})

    def lacks_to_put(self, bus: str, source: str, detail_type: str) -> list[str]:
        """Return what of putting events of this source is not permitted; as ``lacks_to_receive``.

        Rights may name the source.
        """
        entry = {
            "EventBusName": bus,
            "Source": source,
            "DetailType": detail_type,
            "Detail": "no JSON, which no bus takes",
        }

        def put() -> None:
            answer = self._client("events").put_events(Entries=[entry])
            for each in answer.get("Entries", ()):
                refused = of_code(_ANY, each.get("ErrorCode") or "", "")
                if isinstance(refused.error, NotPermittedError):
                    raise refused.error

        return self._lacking({"events:PutEvents": put})

    def _lacking(self, calls: Mapping[str, Callable[[], object]]) -> list[str]:
        lacking = []
        for right, ask in calls.items():
            error = _refusal(ask)
            if isinstance(error, NotPermittedError):
                lacking.append(right)
            elif isinstance(error, _NO_ANSWER):
                raise error
        return lacking


def _refusal(ask: Callable[[], object]) -> PatEventsError | None:
    try:
        ask()
    except NotPermittedError as error:
        return error
    except Exception as error:  # noqa: BLE001 - what is none of boto3's goes on
        return of_exception(_ANY, error).error
    return None
