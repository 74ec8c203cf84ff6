"""LocalStack in host mode: AWS's APIs without AWS, in a virtual environment of its own.

It listens on every interface whatever it is told, so use it behind a firewall.
"""

from __future__ import annotations

import os
import signal
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from tools.stack.downloads import virtual_environment
from tools.stack.part import LOOPBACK, READY_WAIT_S, Part, accepts, free_ports
from tools.stack.processes import Process
from tools.stack.settings import AWS_ACCOUNT_VARIABLES, AWS_VARIABLE, ROOT, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tools.stack.runs import Run

LOCK = ROOT / "requirements" / "localstack.txt"
PYTHON = (3, 11)  # the only one that this version of LocalStack works on
# The same in docker-compose.yml: no name server of its own, no certificate from the network, no
# usage statistics, and queue addresses that need no name server either.
OPTIONS = {
    "DNS_ADDRESS": "0",
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "DISABLE_EVENTS": "1",
    # Terraform's provider reads account and name from queue addresses of this form alone.
    "SQS_ENDPOINT_STRATEGY": "off",
}
ACCOUNT = "000000000000"
INHERITED = ("PATH", "HOME", "LANG")


class LocalStack(Part):
    """AWS's APIs on one port."""

    name: ClassVar[str] = "localstack"
    variable: ClassVar[str] = AWS_VARIABLE

    def __init__(self) -> None:
        super().__init__()
        (self._port,) = free_ports(1)

    @property
    def endpoint_url(self) -> str:
        """Where every service answers."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def address(self) -> str:
        """The endpoint url."""
        return self.endpoint_url

    @classmethod
    def environ_of(cls, address: str) -> dict[str, str]:
        """The endpoint, with the keys and the region every client wants to have."""
        account = {name: settings()[name] for name in AWS_ACCOUNT_VARIABLES}
        return {cls.variable: address, **account}

    @staticmethod
    def answers(address: str) -> bool:
        """Whether STS there says who asks, and it is the emulator's account, not a real one."""
        url = urlsplit(address)
        if not accepts(url.hostname or "", url.port or (443 if url.scheme == "https" else 80)):
            return False
        from botocore.config import Config  # noqa: PLC0415 - see `client`
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        impatient = Config(connect_timeout=1, read_timeout=10, retries={"total_max_attempts": 1})
        try:
            with closing(client("sts", address, config=impatient)) as sts:
                return bool(sts.get_caller_identity()["Account"] == ACCOUNT)
        except (BotoCoreError, ClientError):
            return False

    def fetch(self) -> None:
        """Have its virtual environment."""
        self._python()

    @staticmethod
    def _python() -> Path:
        return virtual_environment(
            f"localstack-{settings()['LOCALSTACK_VERSION']}", LOCK, version=PYTHON
        )

    def _create(self, run: Run, *, outlives: bool) -> list[Process]:
        python = self._python()
        address = f"{LOOPBACK}:{self._port}"
        environ = {
            # Nothing else: an address or a key of another AWS must not lead its own clients there.
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            **OPTIONS,
            "GATEWAY_LISTEN": address,
            "LOCALSTACK_HOST": address,
            "FILESYSTEM_ROOT": str(run.data),
            # Its list of plugins is kept under this folder and outlives a change of version.
            "XDG_CACHE_HOME": str(python.parents[1] / "cache"),
        }
        self._process = Process(
            [str(python), "-m", "localstack.runtime.main"],
            lock=run.lock(self.name),
            log=run.log(self.name),
            environ=environ,
            folder=run.data,
            end_signal=signal.SIGTERM,  # it ends processes of its own, in sessions of their own
            outlives=outlives,
        )
        return [self._process]

    def _wait_ready(self) -> None:
        self._process.wait_until(lambda: self.answers(self.endpoint_url), timeout_s=READY_WAIT_S)


def client(service: str, endpoint_url: str, **more: Any) -> Any:  # noqa: ANN401 - boto3's clients have no types
    """A client with the keys of ``.env``, and its region unless ``more`` names another."""
    import boto3  # noqa: PLC0415 - costs 0.3 s at start

    key, secret, region = (settings()[name] for name in AWS_ACCOUNT_VARIABLES)
    session = boto3.session.Session(key, secret, region_name=region)
    return session.client(service, endpoint_url=endpoint_url, **more)
