"""The users of a Kafka that asks who is there, and what they may do: SCRAM passwords and ACLs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

_ANSWER_S = 30.0
_SCRAM_ITERATIONS = 4096


def add(servers: str, user: str, password: str) -> None:
    """Let somebody in by SCRAM."""
    client = AdminClient({"bootstrap.servers": servers})
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _SCRAM_ITERATIONS)
    wanted = UserScramCredentialUpsertion(user, info, password.encode())
    _wait(client.alter_user_scram_credentials([wanted]).values())


def permit(servers: str, user: str, resource: str, name: str, *operations: str) -> None:
    """Permit operations, as Kafka names them, on a ``topic``, a ``group`` or the ``broker``."""
    client = AdminClient({"bootstrap.servers": servers})
    rules = [
        AclBinding(
            ResourceType[resource.upper()],
            name,
            ResourcePatternType.LITERAL,
            f"User:{user}",
            "*",
            AclOperation[operation.upper()],
            AclPermissionType.ALLOW,
        )
        for operation in operations
    ]
    _wait(client.create_acls(rules).values())


def forbid(servers: str, user: str) -> None:
    """Permit nothing any more; not even what was begun goes on."""
    client = AdminClient({"bootstrap.servers": servers})
    rules = AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]
        ResourcePatternType.ANY,
        f"User:{user}",
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    _wait(client.delete_acls([rules]).values())


def _wait(answers: Iterable[Future[object]]) -> None:
    for answer in answers:
        answer.result(_ANSWER_S)
