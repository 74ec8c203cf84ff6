"""A queue of SQS that gives messages up, and its dead-letter queue."""

from __future__ import annotations

import json
import uuid
from contextlib import ExitStack


class Letters:
    """Two queues, with messages that became dead letters as any does: by being received."""

    def __init__(self, aws, *, fifo: bool = False) -> None:
        self._ends = ExitStack()
        self.sqs = aws.client("sqs")
        self._ends.callback(self.sqs.close)
        self._fifo = fifo
        self._name = f"t-{uuid.uuid4().hex[:10]}"
        self.dlq, self.dlq_url = self.create("dlq")
        redrive = {"deadLetterTargetArn": self.arn(self.dlq_url), "maxReceiveCount": 1}
        self.source, self.source_url = self.create("q", RedrivePolicy=json.dumps(redrive))

    def create(self, kind: str, **attributes: str) -> tuple[str, str]:
        """Another queue of the same kind: its name and URL."""
        name = f"{self._name}-{kind}{'.fifo' if self._fifo else ''}"
        if self._fifo:
            attributes["FifoQueue"] = "true"
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self._ends.callback(self.sqs.delete_queue, QueueUrl=url)
        return name, url

    def arn(self, url: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return answer["Attributes"]["QueueArn"]

    def send(self, *bodies: str, url: str | None = None, **fields) -> None:
        """Send to the source, or elsewhere."""
        for body in bodies:
            own = {"MessageDeduplicationId": uuid.uuid4().hex} if self._fifo else {}
            self.sqs.send_message(QueueUrl=url or self.source_url, MessageBody=body, **own | fields)

    def give_up(self, *bodies: str, **fields) -> None:
        """Have messages that are dead letters."""
        self.send(*bodies, **fields)
        wanted = self.count(self.dlq_url) + len(bodies)
        for _ in range(50):
            if self.count(self.dlq_url) >= wanted:
                return
            self.sqs.receive_message(
                QueueUrl=self.source_url, MaxNumberOfMessages=10, VisibilityTimeout=0
            )
        raise AssertionError("they are not given up")

    def count(self, url: str, which: str = "") -> int:
        name = f"ApproximateNumberOfMessages{which}"
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def received(self, url: str | None = None) -> list[dict]:
        """All that can be received, of the source unless told otherwise."""
        found: list[dict] = []
        while messages := self.sqs.receive_message(
            QueueUrl=url or self.source_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=30,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages"):
            found += messages
        return found

    def close(self) -> None:
        self._ends.close()
