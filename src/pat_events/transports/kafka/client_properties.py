"""Settings that are handed on to the client: read from a variable, and shown without secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pat_events.core.checks import wrong_type
from pat_events.errors import ConfigError
from pat_events.transports.kafka.client_property_names import may_be_name, surely_meant

if TYPE_CHECKING:
    from typing import Self

PropertyValue: TypeAlias = str | int | float | bool | Callable[..., Any]

# The names whose values are shown. All others are not: the name of a secret may be misspelt.
_SHOWN: Final = frozenset(
    {
        "acks",
        "allow.auto.create.topics",
        "broker.address.family",
        "check.crcs",
        "client.dns.lookup",
        "client.id",
        "client.rack",
        "compression.level",
        "debug",
        "enable.metrics.push",
        "enable.sasl.oauthbearer.unsecure.jwt",
        "enable.ssl.certificate.verification",
        "group.instance.id",
        "group.remote.assignor",
        "https.ca.location",
        "isolation.level",
        "log_level",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
        "metadata.recovery.strategy",
        "sasl.kerberos.principal",
        "sasl.kerberos.service.name",
        "sasl.mechanism",
        "sasl.mechanisms",
        "sasl.oauthbearer.client.id",
        "sasl.oauthbearer.method",
        "sasl.oauthbearer.scope",
        "sasl.username",
        "security.protocol",
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.cipher.suites",
        "ssl.crl.location",
        "ssl.endpoint.identification.algorithm",
        "ssl.key.location",
        "ssl.keystore.location",
    }
)
_SHOWN_ENDS: Final = (".ms", ".bytes", ".kbytes", ".messages", ".max", ".enable", ".disable")


class ClientProperties(dict[str, PropertyValue]):
    """Properties of the client; ``repr`` shows only values that are known to be no secrets.

    Args:
        properties: Values by name.
        place: The setting they stand in, as messages name it.
    """

    def __init__(
        self, properties: Mapping[str, PropertyValue], place: str = "client_properties"
    ) -> None:
        super().__init__(properties)
        self._places = dict.fromkeys(properties, place)

    def place_of(self, name: str) -> str:
        """Return the setting that has this property."""
        return self._places[name]

    def take(self, others: ClientProperties) -> None:
        """Take others, too, which win."""
        self.update(others)
        self._places |= others._places

    @classmethod
    def of(cls, properties: Mapping[str, PropertyValue]) -> Self:
        """Return a copy.

        Raises:
            ConfigError: this is no mapping, or a value is neither text nor number nor callable.
        """
        if not isinstance(properties, Mapping):
            raise ConfigError(
                f"client_properties is of type {type(properties).__name__}: give a mapping of "
                "names to values"
            )
        copy = cls(properties)
        if isinstance(properties, cls):
            copy.take(properties)
        for name, value in copy.items():
            if not isinstance(name, str):
                raise wrong_type("the name of a client property", name, "text (str)")
            if not (isinstance(value, str | int | float) or callable(value)):
                # The value may be a secret: it is not repeated.
                raise ConfigError(
                    f"{copy.place_of(name)} sets {name!r} to a {type(value).__name__}: give text "
                    "or a number"
                )
        return copy

    def __repr__(self) -> str:
        shown = {
            name: value if name in _SHOWN or name.endswith(_SHOWN_ENDS) else "***"
            for name, value in self.items()
        }
        return repr(shown)


def parse(variable: str, raw: str, *, lines: bool = False) -> ClientProperties:
    """Read ``name=value;name=value``, with ``lines`` one of them a line, or a JSON object.

    Raises:
        ConfigError: it is neither; never repeats what may be a part of a secret.
    """
    if raw.lstrip().startswith("{"):
        return _from_json(variable, raw)
    pairs: list[tuple[str, PropertyValue]] = []
    parts = raw.splitlines() if lines else raw.split(";")
    for number, part in enumerate(filter(str.strip, parts), start=1):
        name, equals, value = (text.strip() for text in part.partition("="))
        if equals and not may_be_name(name) and (meant := surely_meant(name)):
            raise ConfigError(
                f"{variable} sets {name!r}, which the client does not know; did you mean {meant!r}?"
            )
        if not equals or not may_be_name(name):
            raise ConfigError(
                f"{variable}: part {number} does not begin with the name of a client property and "
                "'='; write name=value;name=value, or a JSON object where a value has a "
                'semicolon: {"name": "value"}'
            )
        pairs.append((name, value))
    return ClientProperties(_unique(variable, pairs), variable)


def _from_json(variable: str, raw: str) -> ClientProperties:
    try:
        found: dict[str, PropertyValue] = json.loads(
            raw, object_pairs_hook=lambda pairs: _unique(variable, pairs)
        )
    except (ValueError, RecursionError) as error:
        # The place, and nothing of the text.
        place = f": {error}" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigError(f"{variable} begins with '{{' and is no JSON object{place}") from None
    return ClientProperties(found, variable)


def _unique(variable: str, pairs: list[tuple[str, PropertyValue]]) -> dict[str, PropertyValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ConfigError(f"{variable} sets a property twice")
    return found
