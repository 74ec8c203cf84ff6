"""The first question to a cluster: whether it answers, and if not, why not.

librdkafka tries again until the time is over, whatever the reason, and then says "timed out". What
a broker said about the sign-in reaches only a callback, so it is listened to here: a password that
was refused twice is not going to be accepted.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Final, TypeAlias

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from pat_events.errors import AuthenticationError, TransportUnavailableError
from pat_events.transports.kafka import properties
from pat_events.transports.kafka.errors import translate
from pat_events.transports.kafka.logs import without_userinfo

if TYPE_CHECKING:
    from confluent_kafka.admin import ClusterMetadata  # type: ignore[attr-defined]

    from pat_events.transports.kafka.config import KafkaConfig

    _Answer: TypeAlias = tuple[AdminClient, ClusterMetadata] | BaseException

# How often what brokers said is looked at while an answer is awaited, in seconds.
_LOOK_S: Final = 0.05
# A sign-in that failed once is tried once more before it is called refused.
_REFUSALS: Final = 2
# How long to ask why a certificate was not accepted, in seconds.
_PROBE_S: Final = 3.0
_NO_ANSWER: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - the library's name for it
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
    }
)
_REFUSED: Final = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001
        KafkaError._SSL,  # noqa: SLF001
    }
)
# What the peer of a handshake says, and a broker without TLS: the code alone does not tell.
_REFUSING_TEXTS: Final = ("ssl/tls alert", "connecting to a PLAINTEXT broker listener?")


def connect(config: KafkaConfig, timeout_s: float) -> tuple[AdminClient, ClusterMetadata]:
    """Return a client and what the cluster says of its brokers and topics.

    Raises:
        AuthenticationError: the sign-in was refused, at once and not after ``timeout_s``.
        TransportUnavailableError: nobody answered within ``timeout_s`` seconds.
        ConfigError: the client refuses the settings.
    """
    attempt = _Attempt(config, timeout_s)
    began = time.monotonic()
    deadline = began + timeout_s
    while True:
        # A moment more than the client itself is given: its own answer says more.
        left = deadline + 0.5 - time.monotonic()
        try:
            answer = attempt.answer.get(timeout=min(_LOOK_S, max(0.0, left)))
        except queue.Empty:
            if left <= 0:
                answer = TimeoutError()
            else:
                attempt.listen()
                if (refusal := attempt.refusal()) is not None:
                    raise AuthenticationError(_explained(config, refusal)) from None
                continue
        if isinstance(answer, tuple):
            return answer
        attempt.listen()
        raise _failure(config, attempt, answer, time.monotonic() - began) from answer


class _Attempt:
    """One try to reach a cluster, in a thread: making a client may already wait for a token."""

    def __init__(self, config: KafkaConfig, timeout_s: float) -> None:
        self.answer: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self.trouble: list[KafkaError] = []
        self._config = config
        self._timeout_s = timeout_s
        self._client: AdminClient | None = None
        self._address_count = len(config.bootstrap_servers.split(","))
        threading.Thread(target=self._run, name="pat-events-connect", daemon=True).start()

    def _run(self) -> None:
        try:
            with properties.making_client(
                self._config, f"connecting to {self._config.bootstrap_servers}"
            ):
                self._client = client = AdminClient(
                    properties.admin(self._config, self.trouble.append)  # type: ignore[arg-type]
                )
            self.answer.put((client, client.list_topics(timeout=self._timeout_s)))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self.answer.put(error)

    def listen(self) -> None:
        """Take in what brokers have said."""
        if self._client is not None:
            self._client.poll(0)

    def refusal(self) -> KafkaError | None:
        """Return why the sign-in is refused, once every address has refused it, and one twice."""
        refused = [error for error in list(self.trouble) if _is_refusal(error)]
        brokers = {error.str().partition(": ")[0] for error in refused}
        if len(refused) < _REFUSALS or len(brokers) < self._address_count:
            return None
        return refused[-1]


def _is_refusal(error: KafkaError) -> bool:
    return error.code() in _REFUSED or any(text in error.str() for text in _REFUSING_TEXTS)


def _failure(
    config: KafkaConfig, attempt: _Attempt, answer: BaseException, waited_s: float
) -> BaseException:
    address = config.bootstrap_servers
    if isinstance(answer, KafkaException):
        cause: KafkaError = answer.args[0]
        if cause.code() not in _NO_ANSWER:
            return translate(cause, f"asking {address} for its topics")
    elif not isinstance(answer, TimeoutError):
        return answer
    # That brokers are down is what follows from the trouble, not the trouble.
    told = [e for e in attempt.trouble if e.code() != KafkaError._ALL_BROKERS_DOWN]  # noqa: SLF001
    if told and _is_refusal(told[-1]):
        return AuthenticationError(_explained(config, told[-1]))
    detail = without_userinfo(told[-1].str()) if told else _hint(config)
    return TransportUnavailableError(
        f"no broker answered at {address} within {waited_s:.1f} s ({detail})"
    )


def _hint(config: KafkaConfig) -> str:
    protocol = config.client_properties.get("security.protocol", "plaintext")
    return (
        f"nothing was said why; connections are made with security.protocol={protocol}: a listener "
        "that expects another one ends them without a word"
    )


def _explained(config: KafkaConfig, error: KafkaError) -> str:
    said = without_userinfo(error.str())
    prefix = f"{config.bootstrap_servers} refused the sign-in: "
    if "certificate verify failed" in said and (reason := _why_not_verified(config)):
        return f"{prefix}the broker's certificate cannot be verified: {reason}"
    if "PLAINTEXT broker listener" in said:
        return f"{prefix}the listener speaks no TLS: use its TLS port, or another security.protocol"
    if "ssl/tls alert" in said:
        return (
            f"{prefix}the broker did not accept the client's certificate ({said}): check "
            f"{_files_of_client(config)}, and that the broker trusts who signed it"
        )
    if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001
        return f"{prefix}{said}; check sasl.mechanisms, the user and the password or token"
    return f"{prefix}{said}"


def _files_of_client(config: KafkaConfig) -> str:
    given = config.client_properties
    if (store := given.get("ssl.keystore.location")) is not None:
        return f"ssl.keystore.location ({store})"
    names = ("ssl.certificate.location", "ssl.key.location")
    return ", ".join(f"{name} ({given[name]})" if name in given else name for name in names)


def _why_not_verified(config: KafkaConfig) -> str | None:
    """Ask the first address once more in a way that tells: the client says only that it failed."""
    authorities = config.client_properties.get("ssl.ca.location")
    first = config.bootstrap_servers.split(",")[0].strip().rpartition("://")[2]
    host, _, port = first.rpartition(":")
    try:
        context = ssl.create_default_context(cafile=str(authorities) if authorities else None)
        with (
            socket.create_connection((host.strip("[]"), int(port)), timeout=_PROBE_S) as plain,
            context.wrap_socket(plain, server_hostname=host.strip("[]")),
        ):
            return None
    except ssl.SSLCertVerificationError as error:
        return (
            f"{error.verify_message}; check ssl.ca.location "
            f"({authorities or 'not set: the authorities of the system'})"
        )
    except (OSError, ValueError):
        return None
