"""A run: the folder of one started part, from which a later command can clean up after it.

::

    build/stack/kafka-x1y2z3/     owner.lock    held while the starting command lives
                                  kafka-1.lock  held while that process lives; holds its id
                                  left.json     written by ``up``: it goes on without an owner
                                  data/
    build/stack/logs/kafka-x1y2z3/kafka-1.log   kept after the run, the newest few

A run whose owner is dead and which was not left running on purpose is swept away.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tools.stack.locks import hold, is_held, locked
from tools.stack.processes import end_strays
from tools.stack.settings import state_folder

OWNER = "owner.lock"
LEFT = "left.json"
LOGS = "logs"
KEPT_LOGS = 60
LOCK_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class LeftRunning:
    """What ``up`` noted about a part that it left running."""

    part: str
    address: str
    size: int
    folder: Path


class Run:
    """The folder of a part this process starts and owns."""

    def __init__(self, part: str) -> None:
        state = state_folder()
        # Under the lock of the sweep, so that no folder is ever seen without its owner.
        with locked(state / "state.lock", wait_s=LOCK_WAIT_S):
            _sweep(state)
            self.folder = Path(tempfile.mkdtemp(prefix=f"{part}-", dir=state))
            self._owner: IO[str] | None = hold(self.folder / OWNER)
        self.part = part
        self.logs = state / LOGS / self.folder.name
        self.logs.mkdir(parents=True)
        self.data = self.folder / "data"
        self.data.mkdir()

    def lock(self, process: str) -> Path:
        """The lock file of a process of this run."""
        return self.folder / f"{process}.lock"

    def log(self, process: str) -> Path:
        """The log file of a process of this run."""
        return self.logs / f"{process}.log"

    def leave(self, address: str, size: int) -> None:
        """Let the part go on without this process."""
        note = json.dumps({"part": self.part, "address": address, "size": size})
        draft = self.folder / "left.draft"
        draft.write_text(note, encoding="utf-8")
        draft.replace(self.folder / LEFT)
        self._disown()

    def remove(self) -> None:
        """Remove the folder with its data; the logs stay."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._disown()

    def _disown(self) -> None:
        if self._owner is not None:
            self._owner.close()
            self._owner = None


def left_running() -> list[LeftRunning]:
    """The parts that ``up`` left running, as far as their notes say."""
    notes = []
    for path in sorted(state_folder().glob(f"*/{LEFT}")):
        note = json.loads(path.read_text(encoding="utf-8"))
        notes.append(LeftRunning(note["part"], note["address"], note["size"], path.parent))
    return notes


def owned() -> list[str]:
    """The names of runs that a living command holds."""
    return sorted(lock.parent.name for lock in state_folder().glob(f"*/{OWNER}") if is_held(lock))


def end_left_running() -> list[str]:
    """End every part that ``up`` left running and whatever dead commands left behind."""
    state = state_folder()
    with locked(state / "state.lock", wait_s=LOCK_WAIT_S):
        swept = _sweep(state)
        for left in left_running():
            _end(left.folder)
            swept.append(left.folder.name)
    return swept


def _sweep(state: Path) -> list[str]:
    """End what dead commands left behind; needs the state lock."""
    swept = []
    for owner in sorted(state.glob(f"*/{OWNER}")):
        run = owner.parent
        if not (run / LEFT).exists() and not is_held(owner):
            _end(run)
            swept.append(run.name)
    _forget_old_logs(state)
    return swept


def _end(run: Path) -> None:
    end_strays([lock for lock in run.glob("*.lock") if lock.name != OWNER])
    shutil.rmtree(run, ignore_errors=True)


def _forget_old_logs(state: Path) -> None:
    logs = sorted((state / LOGS).glob("*/"), key=lambda folder: folder.stat().st_mtime)
    for folder in logs[:-KEPT_LOGS]:
        if not (state / folder.name).exists():
            shutil.rmtree(folder, ignore_errors=True)
