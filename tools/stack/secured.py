"""Apache Kafka that asks who is there: TLS, SCRAM, tokens, client certificates and ACLs."""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from tools.stack.errors import StackError
from tools.stack.kafka import Kafka
from tools.stack.part import LOOPBACK, accepts, free_ports
from tools.stack.runs import left_running

if TYPE_CHECKING:
    from pathlib import Path

    from trustme import CA, LeafCert

    from tools.stack.runs import Run

OPERATOR = "operator"
PROPERTIES_VARIABLE = "PAT_EVENTS_CLIENT_PROPERTIES"
# Where to come with a certificate, and the files to come with.
CERTIFICATE_SERVERS_VARIABLE = "SECURED_KAFKA_CERTIFICATE_SERVERS"
CERTIFICATE_VARIABLE = "SECURED_KAFKA_CERTIFICATE"
AUTHORITY_VARIABLE = "SECURED_KAFKA_CA"
_CLIENT = "client.json"
_OPERATOR_PEM = "operator.pem"
_PLAIN = "org.apache.kafka.common.security"
_ANSWER_S = 30.0
_PROTOCOLS = {
    "SCRAM": "SASL_SSL",
    "TOKEN": "SASL_SSL",
    "CERTIFICATE": "SSL",
    "EXPIRED": "SSL",
    "MISNAMED": "SSL",
}


class SecuredKafka(Kafka):
    """One broker with a listener for each way to sign in, and ACLs.

    Nobody may do anything but the user ``operator`` and whoever comes through
    ``bootstrap_servers``, which is plain text and the tests' own door.

    Attributes:
        scram_servers: TLS and SCRAM-SHA-512.
        token_servers: TLS and OAUTHBEARER; the broker takes tokens that nobody signed.
        certificate_servers: TLS with client certificates; the name is the certificate's common
            name.
        expired_servers: TLS with a certificate whose time is over.
        misnamed_servers: TLS with a certificate for another host.
        authority: Signed the broker's certificate and may sign those of clients.
    """

    name: ClassVar[str] = "secured-kafka"
    by_default: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        from trustme import CA  # noqa: PLC0415 - costs 0.1 s at start

        self.authority: CA = CA()
        self._ways = dict(zip(_PROTOCOLS, free_ports(len(_PROTOCOLS)), strict=True))
        self.scram_servers = f"{LOOPBACK}:{self._ways['SCRAM']}"
        self.token_servers = f"{LOOPBACK}:{self._ways['TOKEN']}"
        self.certificate_servers = f"{LOOPBACK}:{self._ways['CERTIFICATE']}"
        self.expired_servers = f"{LOOPBACK}:{self._ways['EXPIRED']}"
        self.misnamed_servers = f"{LOOPBACK}:{self._ways['MISNAMED']}"
        self._password = secrets.token_urlsafe(12)
        self._folder: Path | None = None

    @property
    def address(self) -> str:
        """Where users sign in by SCRAM."""
        return self.scram_servers

    @staticmethod
    def answers(address: str) -> bool:
        """Whether what was left running there lets its operator in."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - costs 0.1 s at start
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415

        host, _, port = address.rpartition(":")
        if not accepts(host, int(port)):
            return False
        shown = _left_environ(address).get(PROPERTIES_VARIABLE, "")
        properties = dict(each.split("=", 1) for each in shown.split(";") if each)
        admin = AdminClient({"bootstrap.servers": address, "log_level": 0, **properties})
        try:
            return bool(admin.list_topics(timeout=_ANSWER_S).brokers)
        except KafkaException:
            return False

    @classmethod
    def environ_of(cls, address: str) -> dict[str, str]:
        """As ``environ``, of what was left running there."""
        return {cls.variable: address, **_left_environ(address)}

    def environ(self) -> dict[str, str]:
        """How the operator signs in: by password, and where and with which files by certificate."""
        properties = self.scram(OPERATOR, self._password)
        return {
            self.variable: self.address,
            PROPERTIES_VARIABLE: ";".join(f"{name}={value}" for name, value in properties.items()),
            CERTIFICATE_SERVERS_VARIABLE: self.certificate_servers,
            CERTIFICATE_VARIABLE: str(self.folder / _OPERATOR_PEM),
            AUTHORITY_VARIABLE: properties["ssl.ca.location"],
        }

    @property
    def folder(self) -> Path:
        """Where its certificates are; of clients' files as well, which go with it."""
        if self._folder is None:
            raise StackError(f"{self.name} is not running")
        return self._folder

    def add_user(self, user: str, password: str) -> None:
        """Let somebody in by SCRAM."""
        from tools.stack import users  # noqa: PLC0415 - as above

        users.add(self.bootstrap_servers, user, password)

    def permit(self, user: str, resource: str, name: str, *operations: str) -> None:
        """Permit operations, as Kafka names them, on a ``topic``, a ``group`` or the ``broker``."""
        from tools.stack import users  # noqa: PLC0415 - as above

        users.permit(self.bootstrap_servers, user, resource, name, *operations)

    def forbid(self, user: str) -> None:
        """Permit nothing any more; not even what was begun goes on."""
        from tools.stack import users  # noqa: PLC0415 - as above

        users.forbid(self.bootstrap_servers, user)

    def tls(self) -> dict[str, str]:
        """The client properties of somebody who trusts the broker and has no name."""
        return self._tls("SSL")

    def scram(self, user: str, password: str) -> dict[str, str]:
        """The client properties of a user with a password."""
        return {
            **self._tls("SASL_SSL"),
            "sasl.mechanisms": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password,
        }

    def token(self, user: str) -> dict[str, str]:
        """The client properties of a user whose tokens nobody signed."""
        return {
            **self._tls("SASL_SSL"),
            "sasl.mechanisms": "OAUTHBEARER",
            "enable.sasl.oauthbearer.unsecure.jwt": "true",
            "sasl.oauthbearer.config": f"principal={user}",
        }

    def certificate(
        self,
        user: str,
        authority: CA | None = None,
        *,
        not_after: datetime | None = None,
        over: str | None = None,
    ) -> dict[str, str]:
        """The client properties of a user with a certificate, by another authority if named.

        Args:
            user: Its common name.
            authority: Who signs it; the one the broker trusts when None.
            not_after: When its time is over, in UTC and without a time zone.
            over: File to replace with it, in one step as a renewal does; a new one when None.
        """
        issued = (authority or self.authority).issue_cert(
            f"{user}@clients.test", common_name=user, not_after=not_after
        )
        file = self.folder / f"{user}-{secrets.token_hex(4)}.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(str(file))
        if over is not None:
            file = file.rename(over)
        return {
            **self._tls("SSL"),
            "ssl.certificate.location": str(file),
            "ssl.key.location": str(file),
        }

    def _tls(self, protocol: str) -> dict[str, str]:
        return {"security.protocol": protocol, "ssl.ca.location": str(self.folder / "ca.pem")}

    def _format_options(self) -> list[str]:
        return ["--add-scram", f"SCRAM-SHA-512=[name={OPERATOR},password={self._password}]"]

    def _settings(self, run: Run, broker_id: int) -> dict[str, object]:
        self._folder = run.data
        self.authority.cert_pem.write_to_path(str(run.data / "ca.pem"))
        issue = self.authority.issue_cert
        certificates = {
            "broker": issue(LOOPBACK, "localhost", common_name="broker"),
            "expired": issue(LOOPBACK, common_name="broker", not_after=datetime(2001, 1, 1)),  # noqa: DTZ001 - as trustme takes it
            "misnamed": issue("elsewhere.test", common_name="broker"),
        }
        for name, certificate in certificates.items():
            (run.data / f"{name}.pem").write_bytes(_pkcs8(certificate))
        mine = issue(f"{OPERATOR}@clients.test", common_name=OPERATOR)
        mine.private_key_and_cert_chain_pem.write_to_path(str(run.data / _OPERATOR_PEM))
        (run.data / _CLIENT).write_text(json.dumps(self.environ()), "utf-8")
        values = super()._settings(run, broker_id)
        ways = ",".join(f"{way}://{LOOPBACK}:{port}" for way, port in self._ways.items())
        return {
            **values,
            "listeners": f"{values['listeners']},{ways}",
            "listener.security.protocol.map": ",".join(
                f"{way}:{protocol}"
                for way, protocol in {
                    "PLAINTEXT": "PLAINTEXT",
                    "CONTROLLER": "PLAINTEXT",
                    **_PROTOCOLS,
                }.items()
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:ANONYMOUS;User:{OPERATOR}",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": run.data / "broker.pem",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": run.data / "ca.pem",
            "listener.name.certificate.ssl.client.auth": "required",
            "listener.name.expired.ssl.keystore.type": "PEM",
            "listener.name.expired.ssl.keystore.location": run.data / "expired.pem",
            "listener.name.misnamed.ssl.keystore.type": "PEM",
            "listener.name.misnamed.ssl.keystore.location": run.data / "misnamed.pem",
            # Of a certificate's name the common name alone.
            "ssl.principal.mapping.rules": "RULE:.*CN=([^,]+).*/$1/",
            "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.scram.scram-sha-512.sasl.jaas.config": (
                f"{_PLAIN}.scram.ScramLoginModule required;"
            ),
            "listener.name.token.sasl.enabled.mechanisms": "OAUTHBEARER",
            "listener.name.token.oauthbearer.sasl.jaas.config": (
                f"{_PLAIN}.oauthbearer.OAuthBearerLoginModule required "
                'unsecuredLoginStringClaim_sub="broker";'
            ),
        }


def _pkcs8(issued: LeafCert) -> bytes:
    """A certificate and its key as Kafka takes it: no other form of key."""
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - as above

    key = form.load_pem_private_key(issued.private_key_pem.bytes(), None)
    pkcs8 = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return pkcs8 + b"".join(pem.bytes() for pem in issued.cert_chain_pems)


def _left_environ(address: str) -> dict[str, str]:
    """What ``environ`` was of the broker that was left running there."""
    for left in left_running():
        if left.address == address:
            text = (left.folder / "data" / _CLIENT).read_text(encoding="utf-8")
            environ: dict[str, str] = json.loads(text)
            return environ
    return {}
