"""What the types of Protobuf files are called in Avro."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.descriptor import Descriptor, EnumDescriptor


class Names:
    """Gives each message and enum a name of its own.

    It is the type's own name in the package of its file. Nested types get no namespace of their
    own: Java has no package named like a class next to it. Where several types of a file share a
    name, the nested ones are called after those they are in, as ``Order_Status``.
    """

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def of(self, descriptor: Descriptor | EnumDescriptor) -> str:
        """Return the full name.

        Raises:
            ConfigError: the file has no package, or a type of another file has this name.
        """
        if not descriptor.file.package:
            raise ConfigError(
                f"{descriptor.full_name}: the types of a file without a package have no names in "
                f"Avro: give {descriptor.file.name} a package"
            )
        name = f"{descriptor.file.package}.{_own_name(descriptor)}"
        owner = self._owners.setdefault(name, descriptor.full_name)
        if owner != descriptor.full_name:
            raise ConfigError(
                f"{descriptor.full_name}: {owner} is {name} in Avro already: rename one of them"
            )
        return name

    def owner(self, name: str) -> str:
        """Return the full name that the type called ``name`` has in Protobuf."""
        return self._owners[name]


def _own_name(descriptor: Descriptor | EnumDescriptor) -> str:
    name: str = descriptor.name
    if descriptor.containing_type is None:
        return name
    file = descriptor.file
    messages = _all_names(file.message_types_by_name.values())
    if sum(other == name for other in (*messages, *file.enum_types_by_name)) == 1:
        return name
    inside: str = descriptor.full_name
    return inside.removeprefix(f"{file.package}.").replace(".", "_")


def _all_names(messages: Iterable[Descriptor]) -> Iterator[str]:
    for message in messages:
        yield message.name
        yield from _all_names(message.nested_types)
        yield from (enum.name for enum in message.enum_types)
