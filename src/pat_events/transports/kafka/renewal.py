"""A password that was changed while clients live."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from confluent_kafka import KafkaError

from pat_events.errors import ConfigError
from pat_events.transports.kafka.logs import client_log

if TYPE_CHECKING:
    from pat_events.transports.kafka.config import KafkaConfig

_REFUSED: Final = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001 - the library's name for it
        KafkaError.SASL_AUTHENTICATION_FAILED,
    }
)


class _Client(Protocol):
    def set_sasl_credentials(self, username: str, password: str, /) -> None: ...


class Renewal:
    """Gives a client the user and password that stand in their file, once its own are refused.

    A connection that was let in is not ended by a change: only the next sign-in needs the new
    password, and the refusal is what tells that it is there.
    """

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._given = _credentials(config)
        #: Whether the client was refused and its file has not been looked into since.
        self.is_wanted = False

    def note(self, error: KafkaError) -> None:
        """Note a refusal. In a callback of the client, which must not be called in there."""
        if error.code() in _REFUSED:
            self.is_wanted = self._config.client_properties_file is not None

    def look(self, client: _Client) -> bool:
        """Look into the file, and give the client what is new; tells whether something is."""
        self.is_wanted = False
        try:
            # Made again it reads its file.
            found = _credentials(replace(self._config))
        except ConfigError as unreadable:
            client_log.warning("the sign-in was refused, and %s", unreadable)
            return False
        if found == self._given:
            return False
        self._given = found
        client.set_sasl_credentials(*found)
        client_log.warning(
            "the sign-in was refused: trying the user and password that %s has by now",
            self._config.client_properties_file,
        )
        return True


def _credentials(config: KafkaConfig) -> tuple[str, str]:
    properties = config.client_properties
    return str(properties.get("sasl.username", "")), str(properties.get("sasl.password", ""))
