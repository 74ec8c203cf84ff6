"""Events as Avro. Needs the extra ``avro``."""

from __future__ import annotations

import copy
import io
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pat_events.codecs.avro.indices import without_negative_indices
from pat_events.codecs.avro.schema import stand_alone, without_logical_types
from pat_events.codecs.avro.twin import Twins
from pat_events.core.shown import one_line
from pat_events.errors import CodecError, ConfigError

try:
    import fastavro
except ImportError as missing:
    raise ConfigError(
        "Avro needs a package that is not installed: pip install 'pat-events[avro]'"
    ) from missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from pat_events.codecs.avro.twin import AvroTwin
    from pat_events.codecs.base import M

# What fastavro and the constructors of messages raise for bytes that make no sense.
_FOREIGN: Final = (EOFError, IndexError, KeyError, OverflowError, TypeError, ValueError)
# Of what they have to say: it may repeat the payload.
_SHOWN_MAX: Final = 300


class AvroCodec:
    """Bare Avro payloads, each written with the record schema made from its event's class.

    A payload does not say which version of the schema wrote it: change the schema only
    where a registry's framing tells readers, or when all readers change first.
    """

    content_type: Final = "application/avro"
    encode_errors: Final[tuple[type[Exception], ...]] = (CodecError,)
    decode_errors: Final[tuple[type[Exception], ...]] = (CodecError,)

    def __init__(self) -> None:
        # By class and not by name: it is the class that a schema belongs to.
        self._twins: dict[type[Message], tuple[AvroTwin, dict[str, Any]]] = {}
        self._decoders: dict[type[Message], Callable[[bytes], Any]] = {}

    @classmethod
    @cache
    def shared(cls) -> AvroCodec:
        """Return the same codec each time, so that a schema is made once."""
        return cls()

    def schema(self, message_class: type[Message]) -> dict[str, Any]:
        """Return the Avro schema of a type, complete in itself.

        Raises:
            ConfigError: Avro cannot carry this type; names the field and says what to do.
        """
        return self._twin(message_class)[1]

    def encoder(self, message_class: type[M]) -> Callable[[M], bytes]:
        """Return the function that makes payloads of one type.

        Fields unknown to this version of the event are left out. It raises ``CodecError`` for a
        timestamp outside the years 1 to 9999.

        Raises:
            ConfigError: Avro cannot carry this type; names the field and says what to do.
        """
        twin, whole = self._twin(message_class)
        name, to_avro = twin.name, twin.to_avro
        schema = fastavro.parse_schema(without_logical_types(whole))

        def encode(event: M) -> bytes:
            payload = io.BytesIO()
            try:
                fastavro.schemaless_writer(payload, schema, to_avro(event))
            except ValueError as error:
                raise CodecError(f"{name}: {one_line(str(error), _SHOWN_MAX)}") from error
            return payload.getvalue()

        return encode

    def decoder(self, message_class: type[M]) -> Callable[[bytes], M]:
        """Return the function that reads payloads of one type; it raises ``CodecError``.

        Raises:
            ConfigError: Avro cannot carry this type; names the field and says what to do.
        """
        decode = self._decoders.get(message_class)
        if decode is None:
            decode = self._decoders[message_class] = self._decoder(message_class)
        return decode

    def _decoder(self, message_class: type[M]) -> Callable[[bytes], M]:
        twin, whole = self._twin(message_class)
        name, from_avro = twin.name, twin.from_avro
        parsed = fastavro.parse_schema(without_logical_types(whole))
        schema = without_negative_indices(copy.deepcopy(parsed), set())

        def decode(payload: bytes) -> M:
            stream = io.BytesIO(payload)
            try:
                record = fastavro.schemaless_reader(stream, schema, None, return_named_type=True)
                event = message_class(**from_avro(record))  # type: ignore[arg-type]
            except _FOREIGN as error:
                reason = one_line(str(error), _SHOWN_MAX)
                raise CodecError(f"{name}: {type(error).__name__}: {reason}") from error
            if stream.tell() != len(payload):
                raise CodecError(f"{name}: {len(payload) - stream.tell()} bytes left over")
            return event

        return decode

    def _twin(self, message_class: type[Message]) -> tuple[AvroTwin, dict[str, Any]]:
        found = self._twins.get(message_class)
        if found is None:
            twins = Twins()
            descriptor: Descriptor = message_class.DESCRIPTOR  # type: ignore[assignment]
            twin = twins.of(descriptor)
            whole = stand_alone(twin.name, twins.definitions, set())
            found = self._twins[message_class] = (twin, whole)
        return found
