"""librdkafka's mock cluster, reached with ctypes.

confluent-kafka is linked with librdkafka, which exports a mock cluster that the
Python package does not wrap. The functions are looked up through the extension
module: the dynamic linker then searches the librdkafka that module is linked with,
wherever a wheel (Linux, macOS) or a distribution has put it.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import socket
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pat_events.errors import ClosedError, ConfigError, TransportTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

_INT, _INT16, _INT32, _INT64 = ctypes.c_int, ctypes.c_int16, ctypes.c_int32, ctypes.c_int64
_HANDLE, _SIZE, _TEXT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p

# Name -> result, arguments. An int result is an error code, 0 for none.
_SIGNATURES: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "conf_new": (_HANDLE, ()),
    "conf_set_log_cb": (None, (_HANDLE, _HANDLE)),
    "new": (_HANDLE, (_INT, _HANDLE, _TEXT, _SIZE)),
    "destroy": (None, (_HANDLE,)),
    "err2str": (_TEXT, (_INT,)),
    "mock_cluster_new": (_HANDLE, (_HANDLE, _INT)),
    "mock_cluster_destroy": (None, (_HANDLE,)),
    "mock_cluster_bootstraps": (_TEXT, (_HANDLE,)),
    "mock_group_initial_rebalance_delay_ms": (None, (_HANDLE, _INT32)),
    "mock_topic_create": (_INT, (_HANDLE, _TEXT, _INT, _INT)),
    "mock_topic_delete": (_INT, (_HANDLE, _TEXT)),
    "mock_topic_set_error": (None, (_HANDLE, _TEXT, _INT)),
    "mock_partition_set_leader": (_INT, (_HANDLE, _TEXT, _INT32, _INT32)),
    "mock_partition_delete_records": (_INT, (_HANDLE, _TEXT, _INT32, _INT64)),
    "mock_coordinator_set": (_INT, (_HANDLE, _TEXT, _TEXT, _INT32)),
    "mock_broker_set_down": (_INT, (_HANDLE, _INT32)),
    "mock_broker_set_up": (_INT, (_HANDLE, _INT32)),
    "mock_broker_set_rtt": (_INT, (_HANDLE, _INT32, _INT)),
    "mock_push_request_errors_array": (None, (_HANDLE, _INT16, _SIZE, ctypes.POINTER(_INT))),
    "mock_clear_request_errors": (None, (_HANDLE, _INT16)),
}
_PRODUCER: Final = 0
_KNOCK_AFTER_S: Final = 0.005
_ANSWER_WITHIN_S: Final = 30.0


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(importlib.import_module("confluent_kafka.cimpl").__file__)


@cache
def _function(name: str) -> Callable[..., Any]:
    """Return ``rd_kafka_<name>`` with its types set.

    Raises:
        ConfigError: the installed librdkafka does not export it.
    """
    try:
        found = getattr(_library(), f"rd_kafka_{name}")
    except AttributeError:
        version = importlib.import_module("confluent_kafka").libversion()[0]
        raise ConfigError(
            f"librdkafka {version} does not export rd_kafka_{name}: install the wheel of "
            "confluent-kafka 2.15 or later, on Linux or macOS"
        ) from None
    found.restype, found.argtypes = _SIGNATURES[name]
    return found  # type: ignore[no-any-return]


class MockCluster:
    """A mock cluster and the client instance that lends it its threads.

    Every method may be called from any thread.
    """

    def __init__(self, brokers: int) -> None:
        conf = _function("conf_new")()
        # Without a callback nothing is logged; the default one writes to stderr.
        _function("conf_set_log_cb")(conf, None)
        reason = ctypes.create_string_buffer(512)
        host = _function("new")(_PRODUCER, conf, reason, len(reason))
        if not host:
            raise ConfigError(f"librdkafka does not start: {reason.value.decode()}")
        self._cluster = _function("mock_cluster_new")(host, brokers)
        if not self._cluster:
            _function("destroy")(host)
            raise ConfigError(f"no {brokers} loopback ports can be opened: check ulimit -n")
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._caller = ThreadPoolExecutor(1, thread_name_prefix="embedded-broker")
        self._destroy = weakref.finalize(self, _destroy, self._pid, self._cluster, host)
        self.bootstrap_servers: Final[str] = _function("mock_cluster_bootstraps")(
            self._cluster
        ).decode()

    def call(self, name: str, *arguments: object, failed: str) -> None:
        """Run ``rd_kafka_mock_<name>`` on this cluster.

        Raises:
            ConfigError: the cluster refuses; the message starts with ``failed``.
            ClosedError: after ``close``, or in a process forked from the owner's.
            TransportTimeoutError: no answer within 30 s.
        """
        if os.getpid() != self._pid:
            raise ClosedError(
                f"the embedded broker belongs to process {self._pid}: here it can only be "
                f"connected to, at {self.bootstrap_servers}"
            )
        run = _function(f"mock_{name}")
        with self._lock:
            if not self._destroy.alive:
                raise ClosedError("the embedded broker is closed: make a new one")
            error = self._finish(run, self._cluster, *arguments)
        if error:
            raise ConfigError(f"{failed}: {_function('err2str')(error).decode()}")

    def close(self) -> None:
        """Stop the cluster and free its ports; again is harmless.

        In a forked process nothing happens: the cluster's threads are the parent's.
        """
        if os.getpid() != self._pid:
            return
        with self._lock:
            if self._destroy.alive:
                self._finish(self._destroy)
                self._caller.shutdown()

    def _finish(self, run: Callable[..., int | None], *arguments: object) -> int | None:
        # The cluster's thread empties its wake-up pipe after it has served its
        # queue. A command that comes in between is left until the next event, which
        # can be a second away. A knock at the door is an event.
        answer = self._caller.submit(run, *arguments)
        deadline = time.monotonic() + _ANSWER_WITHIN_S
        while not wait((answer,), timeout=_KNOCK_AFTER_S).done:
            if time.monotonic() > deadline:
                raise TransportTimeoutError("the embedded broker does not answer")
            self._knock()
        return answer.result()

    def _knock(self) -> None:
        for address in self.bootstrap_servers.split(","):
            host, _, port = address.rpartition(":")
            # A broker that is down refuses, and one that is not is enough.
            with suppress(OSError), socket.create_connection((host, int(port)), timeout=0.1):
                return


def _destroy(pid: int, cluster: int, host: int) -> None:
    """Free both; runs once, at the latest when the interpreter exits."""
    if os.getpid() == pid:
        _function("mock_cluster_destroy")(cluster)
        _function("destroy")(host)
