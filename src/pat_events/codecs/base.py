"""What every codec does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

M = TypeVar("M", bound="Message")


class Reader(Protocol):
    """Turns payloads into events. Safe to share between threads."""

    @property
    def content_type(self) -> str:
        """Media type of the payloads; what the ``content-type`` header says."""

    @property
    def decode_errors(self) -> tuple[type[Exception], ...]:
        """All that a decoder raises for bytes that are not its event."""

    def decoder(self, message_class: type[M]) -> Callable[[bytes], M]:
        """Return the function that reads payloads of one type.

        It is called for every record, so it is as bare as can be: the caller catches
        ``decode_errors`` and makes a ``CodecError`` of them, with its place in the log.

        Raises:
            ConfigError: the format cannot carry this type; names the field.
        """


class Codec(Reader, Protocol):
    """Turns events into payloads as well."""

    @property
    def encode_errors(self) -> tuple[type[Exception], ...]:
        """All that an encoder raises for a value that this format cannot carry."""

    def encoder(self, message_class: type[M]) -> Callable[[M], bytes]:
        """Return the function that makes payloads of one type; as bare as a decoder.

        Raises:
            ConfigError: the format cannot carry this type; names the field.
        """
