"""One measurement in a process of its own: ``python -m perf.worker NAME ARGUMENTS-AS-JSON``.

A process each keeps the threads and the garbage of one measurement out of the next.
"""

from __future__ import annotations

import gc
import json
import sys

from perf.buses import receive_ours, receive_raw, send_ours, send_raw
from perf.consuming import consume_ours, consume_raw
from perf.latency import (
    latency_consume_ours,
    latency_consume_raw,
    latency_publish_ours,
    latency_publish_raw,
)
from perf.publishing import fill, publish_ours, publish_raw
from perf.telemetry import consume_told, publish_told

MEASUREMENTS = {
    measurement.__name__: measurement
    for measurement in (
        consume_ours,
        consume_raw,
        consume_told,
        fill,
        latency_consume_ours,
        latency_consume_raw,
        latency_publish_ours,
        latency_publish_raw,
        publish_ours,
        publish_raw,
        publish_told,
        receive_ours,
        receive_raw,
        send_ours,
        send_raw,
    )
}

if __name__ == "__main__":
    gc.freeze()  # What importing left behind is not part of any measurement.
    measurement = MEASUREMENTS[sys.argv[1]]
    print(json.dumps(measurement(**json.loads(sys.argv[2]))), flush=True)
