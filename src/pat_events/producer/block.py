"""What is closed by leaving a block."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pat_events.errors import NotDeliveredError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Block:
    """A context manager, sync and async, that closes at the end of the block."""

    def close(self) -> None:
        """Wait for what is open, then stop.

        Raises:
            NotDeliveredError: names what was not delivered.
        """
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except NotDeliveredError as not_delivered:
            if error is None:
                raise
            error.add_note(str(not_delivered))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)
