"""A process of its own for what can end the one that does it.

librdkafka's admin client ends the process with a failed assertion when the connection to a group's
coordinator breaks just as it is asked something (its issue 4605, not mended as of 2.16).
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final, TypeVar

from confluent_kafka.admin import AdminClient

from pat_events.errors import ConfigError, PatEventsError, TransportError, TransportTimeoutError
from pat_events.transports.kafka import properties
from pat_events.transports.kafka.answers import FUTURE_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Concatenate, ParamSpec

    from pat_events.transports.kafka.config import KafkaConfig

    P = ParamSpec("P")

T = TypeVar("T")

# Longest life of such a process, in seconds: its start, a token, and one answer.
_LIFE_S: Final = FUTURE_S + 25.0
# A connection that broke once is made again.
_TRIES: Final = 2


def ask_in_subprocess(
    config: KafkaConfig,
    question: Callable[Concatenate[AdminClient, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call a function of a module with an admin client and arguments, in a process of its own.

    Raises:
        ConfigError: the settings hold a function that another process cannot import.
        TransportTimeoutError: it did not end in time.
        TransportError: the process was ended, twice.
        PatEventsError: what the function raised.
    """
    try:
        asked = pickle.dumps((config, question, args, kwargs))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"a function of the client's settings is out of reach of another process: {error}"
        ) from error
    for _ in range(_TRIES):
        process = _run(asked)
        if process.returncode == 0:
            outcome = pickle.loads(process.stdout)  # noqa: S301 - of a process of ours
            if isinstance(outcome, PatEventsError):
                raise outcome
            return outcome  # type: ignore[no-any-return]
        if process.returncode > 0:
            break
    raise TransportError(_ended(process))


def _run(asked: bytes) -> subprocess.CompletedProcess[bytes]:
    # What can be imported here can be there, also what a command found in the current directory.
    path = os.pathsep.join(filter(None, sys.path))
    try:
        return subprocess.run(  # noqa: S603 - this module
            [sys.executable, "-P", "-m", __name__],
            input=asked,
            capture_output=True,
            timeout=_LIFE_S,
            check=False,
            env={**os.environ, "PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired as error:
        raise TransportTimeoutError(
            f"no answer in {_LIFE_S:g} s from the process that asked the groups' coordinator"
        ) from error


def _ended(process: subprocess.CompletedProcess[bytes]) -> str:
    said = process.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    if process.returncode > 0:
        return f"asking the groups' coordinator: the process that asks has failed: {said}"
    return (
        f"asking the groups' coordinator: {signal.Signals(-process.returncode).name} has ended "
        f"the process that asks, twice ({said}): the connection to it breaks, and librdkafka does "
        "not bear that (issue 4605); ask again once the cluster is at rest"
    )


def _main() -> None:
    config, question, args, kwargs = pickle.load(sys.stdin.buffer)  # noqa: S301 - as above
    try:
        client = AdminClient(properties.admin(config, lambda _: None))  # type: ignore[arg-type]
        outcome = question(client, *args, **kwargs)
    except PatEventsError as error:
        outcome = error
    sys.stdout.buffer.write(pickle.dumps(outcome))


if __name__ == "__main__":
    _main()
