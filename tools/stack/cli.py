"""The command line: up, down, status, run."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, NoReturn

from tools.stack.errors import StackError
from tools.stack.kafka import SIZES, Kafka
from tools.stack.localstack import LocalStack
from tools.stack.part import Part, launch_all
from tools.stack.processes import tied
from tools.stack.redis import Redis
from tools.stack.registry import Registry
from tools.stack.runs import LOGS, end_left_running, left_running, owned
from tools.stack.secured import SecuredKafka
from tools.stack.settings import state_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

KINDS: dict[str, type[Part]] = {
    kind.name: kind for kind in (Kafka, SecuredKafka, Registry, LocalStack, Redis)
}
COMMAND_END_WAIT_S = 10.0
INTERRUPTED = 130
ABOUT = """\
Start and stop the real parts natively, without containers, on free ports of this machine:
  kafka          Apache Kafka, one broker or three
  registry       Apicurio Registry, which speaks Confluent's schema registry protocol
  localstack     LocalStack, AWS's APIs (it listens on every interface, whatever it is told)
  secured-kafka  Apache Kafka with TLS, SCRAM, tokens, client certificates and ACLs
  redis          Redis, of the machine or of what development installs
Named parts are started, the first three when none is named. The first start fetches what they are
made of into ~/.cache/pat-events; it needs Maven, and Python 3.11 for LocalStack.
"""
EXAMPLES = """\
examples:
  python -m tools.stack run -- pytest tests/flows
  python -m tools.stack run kafka --brokers 3 -- pat-events topics apply
  python -m tools.stack up kafka && eval "$(python -m tools.stack status)"
  python -m tools.stack down
"""


def main(arguments: Sequence[str]) -> int:
    """Run one command line; the answer is the exit code."""
    own, command = _split(arguments)
    options = _parser().parse_args(own)
    if (options.verb == "run") != bool(command):
        _parser().error("`run` wants a command after `--`, the others take none")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        if options.verb == "run":
            return _run(_parts(options), command)
        if options.verb == "up":
            return _up(_parts(options))
        return _down() if options.verb == "down" else _status()
    except StackError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    words = list(arguments)
    cut = words.index("--") if "--" in words else len(words)
    return words[:cut], words[cut + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.stack",
        usage="%(prog)s {up,run,status,down} [part...] [--brokers {1,3}] [-- COMMAND...]",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(prog="python -m tools.stack", dest="verb", required=True)
    up = verbs.add_parser("up", help="start parts and leave them running")
    run = verbs.add_parser(
        "run", help="start parts, run COMMAND with their addresses in its environment, end them"
    )
    for verb in (up, run):
        verb.add_argument("parts", nargs="*", metavar="part", help=", ".join(KINDS))
        verb.add_argument(
            "--brokers", type=int, choices=SIZES, default=1, help="of Kafka (default 1)"
        )
    verbs.add_parser("status", help="what `up` left running, as lines a shell can evaluate")
    verbs.add_parser("down", help="end what `up` or a crash left running")
    return parser


def _parts(options: argparse.Namespace) -> list[Part]:
    for name in options.parts:
        if name not in KINDS:
            _parser().error(f"{name!r} is none of {', '.join(KINDS)}")
    names = [
        name
        for name, kind in KINDS.items()
        if (name in options.parts if options.parts else kind.by_default)
    ]
    return [Kafka(options.brokers) if name == Kafka.name else KINDS[name]() for name in names]


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """End the ``with`` blocks, undisturbed by a second signal of the kind."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def _up(parts: Sequence[Part]) -> int:
    wanted = {part.name: part for part in parts}
    for left in left_running():
        if left.part not in wanted:
            continue
        if not KINDS[left.part].answers(left.address):
            raise StackError(f"{left.part} was left running and does not answer: `down` first")
        if left.size != wanted[left.part].size:
            raise StackError(f"{left.part} runs already with another size: `down` first")
        del wanted[left.part]
    with ExitStack() as on_failure:
        launch_all(wanted.values(), on_failure, outlives=True)
        for part in wanted.values():
            part.leave_running()
    return _status()


def _run(parts: Sequence[Part], command: Sequence[str]) -> int:
    if shutil.which(command[0]) is None:
        raise StackError(f"there is no command {command[0]!r}")
    with ExitStack() as on_exit:
        launch_all(parts, on_exit)
        environ = dict(os.environ)
        for part in parts:
            environ |= part.environ()
        process = subprocess.Popen(
            tied(command, lock=None, death_signal=signal.SIGTERM), env=environ
        )
        try:
            code = process.wait()
            return code if code >= 0 else 128 - code
        except KeyboardInterrupt:
            # The terminal told the command as well: let it end in its own way.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(COMMAND_END_WAIT_S)
            return INTERRUPTED
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(COMMAND_END_WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _down() -> int:
    for name in end_left_running():
        print(f"ended {name}")
    return 0


def _status() -> int:
    silent = False
    for left in left_running():
        kind = KINDS[left.part]
        answers = kind.answers(left.address)
        silent |= not answers
        state = "answers" if answers else "does not answer: `python -m tools.stack down`"
        print(f"# {left.part} ({left.size}) {state}")
        for name, value in kind.environ_of(left.address).items():
            print(f"export {name}={shlex.quote(value)}")
    for name in owned():
        print(f"# {name} is in use by a running command")
    print(f"# logs: {state_folder() / LOGS}")
    return int(silent)
