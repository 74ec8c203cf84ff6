"""``pat-events run`` of a queue's consumer."""

from __future__ import annotations

import signal

SERVICE = """
from pat_events import Context, Handlers, QueueConsumer
from pat_events.events import WorkflowTriggered
from pat_events.transports.memory import MemoryQueue

handlers = Handlers()

@handlers.on(WorkflowTriggered)
def handle(event: WorkflowTriggered, ctx: Context) -> None:
    print(event.workflow_id, flush=True)

queue = MemoryQueue("workflows", redrive=(MemoryQueue("dead"), 3))
value = WorkflowTriggered(workflow_id="w-1").SerializeToString()
queue.send(value, [("ce_type", b"pat.events.v1.WorkflowTriggered")])
consumer = QueueConsumer(queue, handlers)
"""


def test_a_consumer_of_a_queue_runs_until_it_is_told_to_stop(alone, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "service.py").write_text(SERVICE)
    with alone.start("run", "service:consumer") as process:
        assert process.stdout.readline() == "w-1\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        said = process.stderr.readline()
        assert said.startswith("pat-events: starting consumer of workflows; Ctrl-C stops it ")
