"""A service of AWS as cheap as can be: it takes what it is sent, and hands out one message.

``python -m perf.sink MESSAGE`` says its port, and answers until its standard input ends. What it
costs is in no figure: it is a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
from itertools import count
from typing import Final

# More entries are in no call.
MOST: Final = 10
# How long a call waits where a queue is empty, in seconds.
EMPTY_S: Final = 1.0
_JSON: Final = b"application/x-amz-json-1.1"
_XML: Final = b"text/xml"


def _response(kind: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
    return head % (kind, len(body)) + body


def _put_events(entries: int) -> bytes:
    answers = [{"EventId": f"{n:08d}-0000-0000-0000-000000000000"} for n in range(entries)]
    body = json.dumps({"FailedEntryCount": 0, "Entries": answers}).encode()
    return _response(_JSON, body)


def _batch(entries: int) -> bytes:
    """Return what SQS says to a batch of messages, sent or deleted."""
    digest = "0" * 32
    answers = [
        {"Id": str(n), "MessageId": f"{n:032d}", "MD5OfMessageBody": digest} for n in range(entries)
    ]
    return _response(_JSON, json.dumps({"Successful": answers, "Failed": []}).encode())


def _publish_batch(entries: int) -> bytes:
    answers = "".join(
        f"<member><Id>{n}</Id><MessageId>{n:032d}</MessageId></member>" for n in range(entries)
    )
    name = "PublishBatch"
    return _response(
        _XML,
        f'<{name}Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><{name}Result>'
        f"<Failed/><Successful>{answers}</Successful></{name}Result><ResponseMetadata>"
        f"<RequestId>0</RequestId></ResponseMetadata></{name}Response>".encode(),
    )


# What marks an entry in the body of a call, and the answers by how many there are. Not the same
# text inside of an entry's own JSON: quotes are escaped there.
_KINDS: Final = {
    b"AWSEvents.PutEvents": (b'"DetailType":', [_put_events(n) for n in range(MOST + 1)]),
    b"AmazonSQS.SendMessageBatch": (b'"MessageBody":', [_batch(n) for n in range(MOST + 1)]),
    b"AmazonSQS.DeleteMessageBatch": (b'"ReceiptHandle":', [_batch(n) for n in range(MOST + 1)]),
}
_SNS: Final = (b".Message=", [_publish_batch(n) for n in range(MOST + 1)])
_TARGET: Final = b"x-amz-target: "
_LENGTH: Final = b"content-length: "
_NOTHING: Final = _response(_JSON, b"{}")
_REDRIVE: Final = {
    "maxReceiveCount": "5",
    "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead",
}
_QUEUE: Final = _response(
    _JSON, json.dumps({"Attributes": {"RedrivePolicy": json.dumps(_REDRIVE)}}).encode()
)


class _Messages:
    """What is received: ten at a time, each with an id of its own, as many as a queue's name says.

    A queue is named ``<anything>-<count>``.
    """

    def __init__(self, template: str) -> None:
        self._parts = [part.encode() for part in template.split("NUMBER")]
        self._numbers = count()
        self._left: dict[bytes, int] = {}

    def answer(self, body: bytes) -> bytes | None:
        """Return ten messages; None where the queue is empty."""
        queue = body.split(b'"QueueUrl": "', 1)[1].split(b'"', 1)[0]
        left = self._left.setdefault(queue, int(queue.rpartition(b"-")[2]))
        self._left[queue] = left - MOST
        if left <= 0:
            return None
        each = [(b"%032d" % next(self._numbers)).join(self._parts) for _ in range(MOST)]
        return _response(_JSON, b'{"Messages":[%s]}' % b",".join(each))


class _Connection(asyncio.Protocol):
    def __init__(self, messages: _Messages) -> None:
        self._messages = messages
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            head = self._got[:end].lower()
            at = head.find(_LENGTH)
            length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            stop = end + 4 + length
            if len(self._got) < stop:
                if b"expect: 100-continue" in head:
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            answer = self._answer(self._got[:end], self._got[end + 4 : stop])
            self._got = self._got[stop:]
            if answer is not None:
                self._transport.write(answer)
            else:  # As SQS does where a call waits for messages.
                loop = asyncio.get_running_loop()
                loop.call_later(EMPTY_S, self._transport.write, _NOTHING)

    def _answer(self, head: bytes, body: bytes) -> bytes | None:
        lower = head.lower()
        at = lower.find(_TARGET)
        if at < 0:
            mark, answers = _SNS
            return answers[body.count(mark)]
        target = head[at + len(_TARGET) :].split(b"\r\n", 1)[0]
        if target in _KINDS:
            mark, answers = _KINDS[target]
            return answers[body.count(mark)]
        if target == b"AmazonSQS.ReceiveMessage":
            return self._messages.answer(body)
        return _QUEUE


async def _serve(template: str) -> None:
    messages = _Messages(template)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(messages), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
