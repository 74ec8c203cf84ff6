"""Signals under ``pat-events run``."""

import signal

import pytest

SERVICE = """
import os, signal
from pat_events import ConsumerGroup, Context, Handlers
from pat_events.events import WorkflowTriggered

handlers = Handlers()

@handlers.on(WorkflowTriggered)
{kind} handle(event: WorkflowTriggered, ctx: Context) -> None:
    child = os.fork()
    if not child:
        os._exit(0 if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL else 1)
    print("child", os.waitpid(child, 0)[1], flush=True)

group = ConsumerGroup("workflow-engine", handlers)
"""


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_what_handlers_fork_has_the_default_and_sigterm_ends_the_group(
    pat_events, tmp_path, monkeypatch, kind
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "service.py").write_text(SERVICE.format(kind=kind))
    published = pat_events("publish", "WorkflowTriggered", text='{"workflow_id": "w-1"}')
    assert published.returncode == 0, published.stderr
    with pat_events.start("run", "service:group") as process:
        assert process.stdout.readline() == "child 0\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
