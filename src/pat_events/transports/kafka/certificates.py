"""Certificates that are renewed on disk while clients live."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from pat_events.errors import ConfigError, NotPermittedError, PatEventsError
from pat_events.transports.kafka.connecting import connect
from pat_events.transports.kafka.logs import client_log
from pat_events.transports.kafka.partition_counts import hidden

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet

    from confluent_kafka.admin import AdminClient

    from pat_events.transports.kafka.config import KafkaConfig

    _Tls: TypeAlias = dict[str, object]

# How often the files are looked at, in seconds.
LOOK_S: Final = 5.0
# Time before what was not accepted is tried again although it is still the same, in seconds: a
# cluster may come to trust it later, or may just have been out of reach.
_AGAIN_S: Final = 30.0
# Longest wait for a cluster's answer to who comes with new ones, in seconds.
_ANSWER_S: Final = 10.0


class Certificates:
    """Tells when a client has to be replaced by one with the certificates there are by now.

    librdkafka reads them when a client is made. One that works is not given up for one that does
    not: a cluster is asked first whether it lets in who comes with new ones, and shows them what
    the client works with. One thread calls the methods.

    Args:
        config: The client's, whose properties of TLS are looked at, and the files they name.
        topics: Returns those that the client works with now; called in another thread.
        on_refusal: Called in another thread with why new ones are not used.
    """

    def __init__(
        self,
        config: KafkaConfig,
        topics: Callable[[], Iterable[str]],
        on_refusal: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._config = config
        self._topics = topics
        self._on_refusal = on_refusal
        self._used = _tls(config)
        self._refused: _Tls = {}
        self._again_at = -math.inf
        self._look_at = -math.inf
        self._asking = False
        self._accepted = False

    def renewed(self) -> bool:
        """Tell, once, that a new client is to be made; never waits."""
        if self._accepted:
            self._accepted = False
            return True
        now = time.monotonic()
        if self._used and now >= self._look_at and not self._asking:
            self._look_at = now + LOOK_S
            self._look(now)
        return False

    def put_off(self, error: PatEventsError) -> None:
        """Note that no client could be made after all."""
        self._refuse(self._used, error)
        # Different from what is there, so that it is tried again.
        self._used = {"": ""}

    def _look(self, now: float) -> None:
        try:
            found = _tls(replace(self._config))  # Made again it reads its file.
        except ConfigError:
            return  # Told where a sign-in needs it.
        if found == self._used or (found == self._refused and now < self._again_at):
            return
        ask = threading.Thread(
            target=self._ask, args=(found,), name="pat-events-certificates", daemon=True
        )
        self._asking = True
        try:
            ask.start()
        except RuntimeError:  # There are too many threads: at the next look.
            self._asking = False

    def _ask(self, found: _Tls) -> None:
        try:
            client, metadata = connect(replace(self._config), _ANSWER_S)
            self._require_sight(client, metadata.topics.keys())
        except PatEventsError as error:
            self._refuse(found, error)
        else:
            self._used = found
            self._accepted = True
        finally:
            self._asking = False

    def _require_sight(self, client: AdminClient, seen: AbstractSet[str]) -> None:
        """Refuse a name that is let in and may do nothing: who may Read or Write sees the topic."""
        address = self._config.bootstrap_servers
        unseen = hidden(client, sorted(set(self._topics()) - seen), address, _ANSWER_S)
        if unseen or not seen:
            which = f"topic {', '.join(unseen)}" if unseen else "any topic"
            raise NotPermittedError(
                f"{address} lets in the name in the new certificate and does not show it {which}: "
                "give that name the rights of the earlier one"
            )

    def _refuse(self, found: _Tls, error: PatEventsError) -> None:
        self._refused = found
        self._again_at = time.monotonic() + _AGAIN_S
        told = f"what was renewed for TLS is not used yet: {error}"
        self._on_refusal(told)
        client_log.error("%s", told)


def _tls(config: KafkaConfig) -> _Tls:
    """Return the properties of TLS, each location with what is there by now."""
    properties = {n: v for n, v in config.client_properties.items() if n.startswith("ssl.")}
    files = {n: _digest(v) for n, v in properties.items() if n.endswith(".location")}
    return {**properties, **{f"{name} holds": digest for name, digest in files.items()}}


def _digest(location: object) -> bytes | None:
    with suppress(OSError):
        return hashlib.sha256(Path(str(location)).read_bytes()).digest()
    return None  # None, a folder, or the authorities of the system: nothing to compare.
