"""Routes that lead past the handler: of what was handled, and of what somebody else has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

    from pat_events.consumer.routes import Route
    from pat_events.core.record import Delivery


class Mark:
    """In the place of a delivery's route, for one job."""

    __slots__ = ("event_name", "inner", "registration")

    def __init__(self, inner: Route) -> None:
        self.inner = inner
        self.registration = inner.registration
        self.event_name = inner.event_name


class Duplicate(Mark):
    """Of what was completed, or will be by this job: a call of nothing."""

    __slots__ = ()
    fetch = None

    def decode(self, _: object) -> None:
        """There is no event, and a batch is called without it."""

    @property
    def call(self) -> Any:  # noqa: ANN401 - as a handler is
        """What does nothing, as the handler would."""
        return _nothing_async if self.registration.is_async else _nothing

    def undecodable(self, _: Delivery, error: Exception) -> Exception:
        """Nothing is decoded."""
        return error


class Elsewhere(Mark):
    """Of what is claimed by somebody else: it fails, and so is held."""

    __slots__ = ("_error",)

    def __init__(self, inner: Route, error: Exception) -> None:
        super().__init__(inner)
        self._error = error

    def fetch(self, *_: object) -> Generator[Any, Any, None]:
        """What has one ends its job where that fails: no later event is looked at."""
        yield from ()

    def decode(self, _: object) -> None:
        """Fail.

        Raises:
            EventClaimedError: always.
        """
        raise self._error

    def call(self, *_: object) -> None:
        """Never called."""

    def undecodable(self, _: Delivery, error: Exception) -> Exception:
        """It is no fault of its bytes."""
        return error


def _nothing(*_: object) -> None:
    pass


async def _nothing_async(*_: object) -> None:
    pass
