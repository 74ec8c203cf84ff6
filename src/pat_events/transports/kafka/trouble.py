"""Why sending fails, as far as a client says, and what to do about it."""

from __future__ import annotations

import math
from typing import Final

from confluent_kafka import KafkaError

from pat_events.transports.kafka.errors import right_for
from pat_events.transports.kafka.logs import without_userinfo

# They tell that nothing works, which is known, and not why.
_SYMPTOMS: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - the library's name for it
        KafkaError._MSG_TIMED_OUT,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
    }
)
_NO_CAUSE: Final = (
    "no broker said why: check the address, and that the client property security.protocol is "
    "what its listener speaks"
)


class Trouble:
    """The last error that tells a cause, and the last that tells only that there is one.

    Times are monotonic seconds.
    """

    def __init__(self) -> None:
        self._cause = self._symptom = ""
        self._cause_at = self._symptom_at = -math.inf

    def note(self, error: KafkaError, now: float) -> None:
        """Note what the client said."""
        text = f"{without_userinfo(error.str())} ({error.name()}){right_for(error)}"
        if error.code() in _SYMPTOMS:
            self._symptom, self._symptom_at = text, now
        else:
            self.note_cause(text, now)

    def note_cause(self, text: str, now: float) -> None:
        """Note why something failed that is no error of Kafka's."""
        self._cause, self._cause_at = text, now

    def since(self, began: float, *, has_worked: bool = False) -> str:
        """Return why what began then has not succeeded.

        Args:
            began: When that was.
            has_worked: Whether the client ever got an answer, so that its settings are right.
        """
        no_cause = "no broker said why" if has_worked else _NO_CAUSE
        if self._cause_at >= began:
            return f"last error: {self._cause}"
        if self._symptom_at >= began:
            return f"last error: {self._symptom}; {no_cause}"
        return no_cause
