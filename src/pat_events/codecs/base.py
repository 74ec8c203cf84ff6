"""What every codec does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

M = TypeVar("M", bound="Message")


class Codec(Protocol):
    """Turns events into payloads and back. Safe to share between threads."""

    @property
    def content_type(self) -> str:
        """Media type of the payloads; what the ``content-type`` header says."""

    @property
    def decode_errors(self) -> tuple[type[Exception], ...]:
        """All that a decoder raises for bytes that are not its event."""

    @property
    def encode_errors(self) -> tuple[type[Exception], ...]:
        """All that ``encode`` raises for a value that this format cannot carry."""

    @property
    def encode(self) -> Callable[[Message], bytes]:
        """Returns the payload of an event; like a decoder, as bare as can be."""

    def decoder(self, message_class: type[M]) -> Callable[[bytes], M]:
        """Return the function that reads payloads of one type.

        It is called for every record, so it is as bare as can be: the caller catches
        ``decode_errors`` and makes a ``CodecError`` of them, with its place in the log.

        Raises:
            ConfigError: the format has no schema for this type.
        """
