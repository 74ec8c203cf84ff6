"""The real parts: Kafka, a schema registry and AWS's APIs, started natively on free ports.

``python -m tools.stack --help`` says how from a shell; from Python::

    with Kafka(brokers=3) as kafka:
        kafka.bootstrap_servers
        kafka.kill(2)
"""

from tools.stack.choice import Reached, reach
from tools.stack.errors import MissingToolError, NotReadyError, StackError
from tools.stack.kafka import Kafka
from tools.stack.localstack import LocalStack
from tools.stack.part import Part
from tools.stack.registry import Registry
from tools.stack.secured import SecuredKafka

__all__ = [
    "Kafka",
    "LocalStack",
    "MissingToolError",
    "NotReadyError",
    "Part",
    "Reached",
    "Registry",
    "SecuredKafka",
    "StackError",
    "reach",
]
