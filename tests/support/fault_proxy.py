"""A proxy before AWS's services: it refuses, cuts, delays and swallows calls as a schedule says.

What it answers itself is fake: LocalStack checks no rights, is never throttled and fails nothing.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from tests.support.aws_calls import parse_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.aws_calls import AwsCall

#: Before the service has the call, or after it did what was asked.
When = Literal["before", "after"]
_MOST_HEAD = 2**20
HTML = {"content-type": "text/html"}


@dataclass(frozen=True)
class Fate:
    """What becomes of a call.

    Attributes:
        refused: Status and code of an answer that is given instead of the service's.
        wait_s: How long the call is kept first, in seconds.
        failed: Which of its entries are kept from the service, and told to have failed.
        cut: The connection is closed; after the service was asked: in the middle of its answer.
        silent: Nothing more is said, and the connection stays.
        nonsense: The answer is none of AWS's, though the service did what was asked.
    """

    refused: tuple[int, str] | None = None
    wait_s: float = 0.0
    failed: frozenset[int] = frozenset()
    cut: When | None = None
    silent: When | None = None
    nonsense: bool = False


FINE = Fate()
THROTTLED = Fate(refused=(400, "ThrottlingException"))
DOWN = Fate(refused=(503, "ServiceUnavailable"))
CUT_BEFORE, CUT_AFTER = Fate(cut="before"), Fate(cut="after")
SILENT, SILENT_AFTER = Fate(silent="before"), Fate(silent="after")
NONSENSE = Fate(nonsense=True)


class Seen(NamedTuple):
    """A call, what became of it, and which of its entries the service was told of."""

    call: AwsCall
    fate: Fate
    forwarded: tuple[str, ...]


@dataclass
class History:
    """What came by.

    Attributes:
        seen: Each call.
        told: Entries whose success was told.
        wrong: What a caller must not do, and did.
    """

    seen: list[Seen] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def note(self, call: AwsCall, fate: Fate) -> None:
        kept = tuple(name for n, name in enumerate(call.names) if n not in fate.failed)
        is_asked = not (fate.refused or "before" in (fate.cut, fate.silent))
        for name in call.names:
            if name in self.told:
                self.wrong.append(f"{call.operation}: {name} again, whose success was told")
        if len(set(call.groups)) < len(call.groups):
            self.wrong.append(f"{call.operation}: two of a group in one call")
        self.seen.append(Seen(call, fate, kept if is_asked else ()))

    def named(self, operation: str) -> list[Seen]:
        return [it for it in self.seen if it.call.operation == operation]


class FaultProxy:
    """Listens on a port of its own; ``with`` runs it in a thread.

    Args:
        upstream: Address of the services.
        schedule: Says what becomes of a call; called in the proxy's thread, one call at a time.
    """

    def __init__(self, upstream: str, schedule: Callable[[AwsCall], Fate] | None = None) -> None:
        url = urlsplit(upstream)
        self._upstream = (url.hostname, url.port)
        self.heal()
        self.schedule = schedule or self.schedule
        self.history = History()
        self.address = ""
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self.schedule = lambda call: FINE

    async def _run(self) -> None:
        self._over = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MOST_HEAD)
        self.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._over.wait()
        server.close()
        await asyncio.sleep(0)  # A connection that was accepted just now has its task after that.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        service = None
        self.connections += 1
        try:
            service = await asyncio.open_connection(*self._upstream, limit=_MOST_HEAD)
            while await self._answer(reader, writer, service):
                pass
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # Somebody has hung up, or it is over.
        finally:
            self.connections -= 1
            for each in (writer, service and service[1]):
                if each is not None:
                    each.close()

    async def _answer(self, reader, writer, service) -> bool:
        """Answer one call; tells whether the connection goes on."""
        start, headers, body = await _read(reader)
        call = parse_call(headers, body)
        fate = self.schedule(call)
        self.history.note(call, fate)
        await asyncio.sleep(fate.wait_s)
        if fate.refused is not None:
            status, code = fate.refused
            writer.write(_message(f"HTTP/1.1 {status} x", call.headers, call.refusal(code)))
            return True
        if fate.cut == "before":
            return False
        if fate.silent == "before":
            return await _until_gone(reader)
        answer = await self._forwarded(call, fate, start, headers, body, service)
        if fate.silent == "after":
            return await _until_gone(reader)
        if fate.cut == "after":
            writer.write(answer[:-1])
            with suppress(OSError):
                await writer.drain()
            return False
        if fate.nonsense:
            answer = _message("HTTP/1.1 200 OK", HTML, b"<html>busy</html>")
        elif not reader.at_eof():  # Else nobody waits for it any more: the service took too long.
            self.history.told |= {name for n, name in enumerate(call.names) if n not in fate.failed}
        writer.write(answer)
        return True

    async def _forwarded(self, call, fate, start, headers, body, service) -> bytes:
        kept = body
        if fate.failed:
            kept = call.without(fate.failed)
            headers = {**headers, "content-length": str(len(kept or b""))}
        if kept is None:  # All of them fail.
            return _message("HTTP/1.1 200 OK", call.headers, call.with_failed(b"", fate.failed))
        upstream_reader, upstream = service
        upstream.write(_message(start, headers, kept))
        status, told, answer = await _read(upstream_reader)
        if fate.failed:
            answer = call.with_failed(answer, fate.failed)
        told.pop("transfer-encoding", None)
        return _message(status, told, answer)


async def _until_gone(reader: asyncio.StreamReader) -> bool:
    await reader.read()
    return False


async def _read(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """Return first line, headers and body of a message of HTTP/1.1."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    start, *lines = head.strip().split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = b""
    if headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return start, headers, body


def _message(start: str, headers: dict[str, str], body: bytes) -> bytes:
    headers = {**headers, "content-length": str(len(body))}
    lines = [start, *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
