"""Tokens to sign in with: fetched in a thread, within a limit, and shared by all clients.

librdkafka waits 10 s for a token while a client is made, calls the source a second time, and then
says that no token was set: neither why, nor how long the source will still hang.
"""

from __future__ import annotations

import os
import pkgutil
import threading
import time
import weakref
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import cache
from typing import TYPE_CHECKING, Final

from pat_events.errors import AuthenticationError, ConfigError
from pat_events.transports.kafka.logs import client_log

if TYPE_CHECKING:
    from collections.abc import Callable

# Longest wait for a token, in seconds: below the 10 s that a client waits while it is made.
FETCH_S: Final = 8.0
# A token is handed out again while it has this share of its life before it. librdkafka asks for the
# next one after four fifths.
_FRESH: Final = 0.5
_REMEDY: Final = "it has to return a token and when that ends, in seconds since 1970"
THREAD_NAME: Final = "pat-events-sign-in"

_sources: weakref.WeakSet[TokenSource] = weakref.WeakSet()


class TokenSource:
    """Where clients get their tokens; the callback that librdkafka calls.

    Safe to share between clients and threads: one fetch at a time, whose outcome all get.

    Args:
        name: What the tokens are for, as a message says it.
        fetch: Returns a token and when it ends, in seconds since 1970.
        remedy: What to look at when ``fetch`` fails.
        limit_s: Longest wait for ``fetch``, in seconds.
        clock: The time, in seconds since 1970.
    """

    def __init__(
        self,
        name: str,
        fetch: Callable[[], tuple[str, float]],
        remedy: str,
        *,
        limit_s: float = FETCH_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self._fetch = fetch
        self._remedy = remedy
        self._limit_s = limit_s
        self._clock = clock
        self._token: tuple[str, float] = ("", 0.0)
        self._fresh_until = 0.0
        self._fetching: Future[tuple[str, float]] | None = None
        self._lock = threading.Lock()
        _sources.add(self)

    def __call__(self, _: str) -> tuple[str, float]:
        """Return a token and when it ends; what librdkafka calls, in a thread of its own.

        What is raised here reaches nobody but librdkafka's own words, so it is logged.

        Raises:
            AuthenticationError: see ``token``.
        """
        try:
            return self.token()
        except AuthenticationError as error:
            client_log.error("%s", error)
            raise

    def token(self) -> tuple[str, float]:
        """Return a token and when it ends, in seconds since 1970.

        Raises:
            AuthenticationError: there is none within the limit; says why and what to look at.
        """
        with self._lock:
            if self._clock() < self._fresh_until:
                return self._token
            if self._fetching is None:
                self._fetching = Future()
                threading.Thread(
                    target=self._run, args=(self._fetching,), name=THREAD_NAME, daemon=True
                ).start()
            fetching = self._fetching
        try:
            return fetching.result(self._limit_s)
        except FutureTimeoutError as error:
            if fetching.done():  # Its own error: a socket that timed out raises the same class.
                raise self._failed(f"{error!r}") from error
            raise self._failed(
                f"whoever hands it out has not answered for {self._limit_s:g} s"
            ) from None
        except Exception as error:
            raise self._failed(f"{type(error).__name__}: {error}") from error

    def _failed(self, why: str) -> AuthenticationError:
        return AuthenticationError(f"no token for {self._name}: {why}; {self._remedy}")

    def _run(self, fetching: Future[tuple[str, float]]) -> None:
        try:
            token, ends = self._fetch()
            now = self._clock()
            if ends <= now:
                raise ValueError(f"it ended {now - ends:.0f} s ago")  # noqa: TRY301 - told like any other failure
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            self._forget()
            fetching.set_exception(error)
            return
        with self._lock:
            self._token = (token, ends)
            self._fresh_until = now + _FRESH * (ends - now)
        self._forget()
        fetching.set_result((token, ends))

    def _forget(self) -> None:
        with self._lock:
            self._fetching = None

    def renew_after_fork(self) -> None:
        """Forget the threads of the parent: a fetch under way goes on there, not here."""
        self._lock = threading.Lock()
        self._fetching = None


@cache
def own_source(fetch: Callable[[], tuple[str, float]] | str) -> TokenSource:
    """Return the one source of all clients for a function of the user's, or ``module:function``.

    Raises:
        ConfigError: there is no such function.
    """
    if not isinstance(fetch, str):
        name = getattr(fetch, "__qualname__", type(fetch).__name__)
        return TokenSource(f"token_source {name}", fetch, _REMEDY)
    try:
        found = pkgutil.resolve_name(fetch)
    except Exception as error:  # whatever importing a module raises
        raise ConfigError(f"token_source {fetch!r} cannot be imported: {error!r}") from error
    if not callable(found):
        raise ConfigError(f"token_source {fetch!r} is no function")
    return TokenSource(f"token_source {fetch}", found, _REMEDY)


def _after_fork_in_child() -> None:
    for source in list(_sources):
        source.renew_after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
