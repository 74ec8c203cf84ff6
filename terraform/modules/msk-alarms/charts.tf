# What a dashboard shows of the cluster; the platform has one dashboard for everything.
locals {
  charts = concat(
    local.provisioned ? [
      {
        title = "Cluster", stat = "Maximum"
        metrics = [
          for metric in concat(["ActiveControllerCount"], local.standard ? ["OfflinePartitionsCount"] : []) : [
            "AWS/Kafka", metric, "Cluster Name", var.cluster.name,
          ]
        ]
      },
    ] : [],
    [
      for chart in [
        { when = local.standard, title = "Copies behind", stat = "Maximum", metrics = ["UnderReplicatedPartitions", "UnderMinIsrPartitionCount"] },
        { when = local.provisioned, title = "CPU, user and system (%)", stat = "Average", metrics = ["CpuUser", "CpuSystem"] },
        { when = local.provisioned, title = "Bytes per second, in and out", stat = "Average", metrics = ["BytesInPerSec", "BytesOutPerSec"] },
        { when = local.standard, title = "Data volume used (%)", stat = "Maximum", metrics = ["KafkaDataLogsDiskUsed"] },
        { when = local.express && local.detailed, title = "Throttled (ms)", stat = "Average", metrics = ["ProduceThrottleTime", "FetchThrottleTime"] },
        { when = local.detailed, title = "Idle request and network threads", stat = "Average", metrics = ["RequestHandlerAvgIdlePercent", "NetworkProcessorAvgIdlePercent"] },
        { when = local.detailed, title = "Time of a write (ms)", stat = "Average", metrics = ["ProduceTotalTimeMsMean"] },
        ] : {
        title = chart.title, stat = chart.stat
        metrics = [
          for pair in setproduct(chart.metrics, local.brokers) : [
            "AWS/Kafka", pair[0], "Cluster Name", var.cluster.name, "Broker ID", pair[1],
          ]
        ]
      } if chart.when
    ],
    local.express ? [{ title = "Storage (bytes)", stat = "Maximum", metrics = [["AWS/Kafka", "StorageUsed", "Cluster Name", var.cluster.name]] }] : [],
    [
      for row in values(local.lag_rows) : {
        title = "Lag: ${row.metric}", stat = row.stat
        metrics = [
          for lag in var.lag : [
            "AWS/Kafka", row.metric, "Cluster Name", var.cluster.name, "Consumer Group", lag.group, "Topic", lag.topic,
          ] if contains(lag.bounds, row.field)
        ]
      } if anytrue([for lag in var.lag : contains(lag.bounds, row.field)])
    ],
    [
      for title, metrics in {
        "Connectors: tasks"              = ["RunningTaskCount", "ErroredTaskCount"]
        "Connectors: records per second" = ["SinkRecordReadRate", "SinkRecordSendRate"]
        } : {
        title   = title, stat = "Average"
        metrics = [for pair in setproduct(metrics, var.connectors) : ["AWS/KafkaConnect", pair[0], "ConnectorName", pair[1]]]
      } if length(var.connectors) > 0
    ],
  )
}
