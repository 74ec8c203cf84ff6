mock_provider "aws" {}

variables {
  cluster = {
    name    = "pat-test"
    family  = "standard"
    brokers = { count = 3, instance_type = "kafka.m7g.large", monitoring_level = "PER_BROKER" }
  }
  topic_arns = {
    critical = "arn:aws:sns:eu-west-1:111122223333:critical-alerts"
    warning  = "arn:aws:sns:eu-west-1:111122223333:alerts"
  }
  lag = {
    notifier-pat-emails = { group = "notifier", topic = "pat-emails", max_offsets = 5000, max_time_s = 30, severity = "critical" }
  }
  connectors = ["pat-test-archive"]
}

run "a_standard_cluster_is_watched_broker_by_broker" {
  command = plan

  assert {
    condition = toset([for key in keys(aws_cloudwatch_metric_alarm.this) : trimprefix(key, "broker-2-") if startswith(key, "broker-2-")]) == toset([
      "bandwidth-in", "bandwidth-out", "connection-rate", "connections", "cpu", "disk", "heap", "iam-connections-refused",
      "network-processors", "partitions", "request-handlers", "under-min-isr", "under-replicated", "volume-throughput",
    ])
    error_message = "Every metric of a standard broker that has a limit is watched."
  }
  assert {
    condition     = length([for key in keys(aws_cloudwatch_metric_alarm.this) : key if startswith(key, "broker-")]) == 3 * 14
    error_message = "Every broker has the same alarms."
  }
  assert {
    condition     = toset([for key in keys(aws_cloudwatch_metric_alarm.this) : key if !startswith(key, "broker-")]) == toset(["cluster-no-controller", "cluster-offline-partitions", "lag-notifier-pat-emails-max-offsets", "lag-notifier-pat-emails-sum-offsets", "lag-notifier-pat-emails-time", "connector-pat-test-archive-failed-tasks", "connector-pat-test-archive-no-tasks"])
    error_message = "The cluster, each group and topic and each connector are watched."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.storage) == 0
    error_message = "Standard volumes are watched by their use, not by an anomaly."
  }
}

# Key => metrics, statistic, comparison, threshold, seconds, severity: the table of the alarms.
run "thresholds_are_those_of_the_best_practices" {
  command = plan

  assert {
    condition = {
      for key, alarm in aws_cloudwatch_metric_alarm.this : key => join(" ", [
        join("+", sort(compact([for query in alarm.metric_query : one(query.metric[*].metric_name)]))),
        distinct(compact([for query in alarm.metric_query : one(query.metric[*].stat)]))[0],
        alarm.comparison_operator,
        alarm.threshold,
        alarm.evaluation_periods * max(flatten([for query in alarm.metric_query : query.metric[*].period])...),
        alarm.treat_missing_data,
        one(alarm.alarm_actions) == var.topic_arns.critical ? "critical" : one(alarm.alarm_actions) == var.topic_arns.warning ? "warning" : "nobody",
      ]) if !startswith(key, "broker-2-") && !startswith(key, "broker-3-")
      } == {
      "broker-1-bandwidth-in"                   = "BwInAllowanceExceeded Sum GreaterThanThreshold 0 300 notBreaching warning"
      "broker-1-bandwidth-out"                  = "BwOutAllowanceExceeded Sum GreaterThanThreshold 0 300 notBreaching warning"
      "broker-1-connection-rate"                = "ConnectionCreationRate Sum GreaterThanOrEqualToThreshold 80 180 notBreaching warning"
      "broker-1-connections"                    = "ClientConnectionCount Sum GreaterThanThreshold 2400 300 notBreaching warning"
      "broker-1-cpu"                            = "CpuSystem+CpuUser Average GreaterThanThreshold 60 300 notBreaching critical"
      "broker-1-disk"                           = "KafkaDataLogsDiskUsed Maximum GreaterThanThreshold 85 300 notBreaching critical"
      "broker-1-heap"                           = "HeapMemoryAfterGC Average GreaterThanThreshold 60 900 notBreaching critical"
      "broker-1-iam-connections-refused"        = "IAMTooManyConnections Sum GreaterThanThreshold 0 300 notBreaching warning"
      "broker-1-network-processors"             = "NetworkProcessorAvgIdlePercent Average LessThanThreshold 0.3 300 notBreaching warning"
      "broker-1-partitions"                     = "PartitionCount Maximum GreaterThanThreshold 1000 900 notBreaching warning"
      "broker-1-request-handlers"               = "RequestHandlerAvgIdlePercent Average LessThanThreshold 0.3 300 notBreaching warning"
      "broker-1-under-min-isr"                  = "UnderMinIsrPartitionCount Average GreaterThanOrEqualToThreshold 1 60 notBreaching critical"
      "broker-1-under-replicated"               = "UnderReplicatedPartitions Sum GreaterThanThreshold 0 900 notBreaching critical"
      "broker-1-volume-throughput"              = "VolumeReadBytes+VolumeWriteBytes Sum GreaterThanOrEqualToThreshold 200 900 notBreaching warning"
      "cluster-no-controller"                   = "ActiveControllerCount Maximum LessThanThreshold 1 300 breaching critical"
      "cluster-offline-partitions"              = "OfflinePartitionsCount Sum GreaterThanThreshold 0 60 notBreaching critical"
      "connector-pat-test-archive-failed-tasks" = "ErroredTaskCount Maximum GreaterThanThreshold 0 300 notBreaching warning"
      "connector-pat-test-archive-no-tasks"     = "RunningTaskCount Maximum LessThanThreshold 1 900 breaching warning"
      "lag-notifier-pat-emails-max-offsets"     = "MaxOffsetLag Maximum GreaterThanThreshold 5000 900 notBreaching critical"
      "lag-notifier-pat-emails-sum-offsets"     = "SumOffsetLag Average GreaterThanThreshold 50000 900 notBreaching critical"
      "lag-notifier-pat-emails-time"            = "EstimatedMaxTimeLag Maximum GreaterThanThreshold 30 900 notBreaching critical"
    }
    error_message = "Metric, statistic, bound, window, missing data and severity of every alarm."
  }
}

run "dimensions_are_spelt_as_msk_spells_them" {
  command = plan

  assert {
    condition = {
      for key in ["broker-2-disk", "broker-2-connections", "cluster-no-controller", "lag-notifier-pat-emails-time", "connector-pat-test-archive-no-tasks"] :
      key => join(" ", [for query in aws_cloudwatch_metric_alarm.this[key].metric_query : "${query.metric[0].namespace} ${join(",", [for name, value in query.metric[0].dimensions : "${name}=${value}"])}"])
      } == {
      "broker-2-disk"                       = "AWS/Kafka Broker ID=2,Cluster Name=pat-test"
      "broker-2-connections"                = "AWS/Kafka Broker ID=2,Client Authentication=IAM,Cluster Name=pat-test"
      "cluster-no-controller"               = "AWS/Kafka Cluster Name=pat-test"
      "lag-notifier-pat-emails-time"        = "AWS/Kafka Cluster Name=pat-test,Consumer Group=notifier,Topic=pat-emails"
      "connector-pat-test-archive-no-tasks" = "AWS/KafkaConnect ConnectorName=pat-test-archive"
    }
    error_message = "One letter off, and an alarm watches a metric nobody sends."
  }
}

run "sums_of_metrics_are_computed_and_one_figure_is_compared" {
  command = plan

  assert {
    condition = { for query in aws_cloudwatch_metric_alarm.this["broker-1-cpu"].metric_query : query.id => query.return_data } == { m1 = false, m2 = false, e1 = true } && contains(
      [for query in aws_cloudwatch_metric_alarm.this["broker-1-cpu"].metric_query : query.expression if query.id == "e1"], "m1 + m2",
    )
    error_message = "CPU is user plus system."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : length([for query in alarm.metric_query : query.id if query.return_data]) == 1])
    error_message = "Exactly one figure of each alarm is compared with its threshold."
  }
}

run "every_alarm_tells_somebody_also_that_it_is_over" {
  command = plan

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == alarm.ok_actions && length(alarm.alarm_actions) == 1])
    error_message = "Alarm and recovery go to the topic of the severity."
  }
  assert {
    condition     = toset(concat(output.names.critical, output.names.warning)) == toset([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name]) && contains(output.names.critical, "pat-test-cluster-offline-partitions") && contains(output.names.warning, "pat-test-broker-1-partitions")
    error_message = "The names by severity are those of the alarms."
  }
}

run "free_monitoring_has_no_alarms_on_paid_metrics" {
  command = plan
  variables {
    cluster = {
      name    = "pat-test"
      family  = "standard"
      brokers = { count = 1, instance_type = "kafka.m7g.large", monitoring_level = "DEFAULT" }
    }
    lag        = {}
    connectors = []
  }

  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset([
      "broker-1-connections", "broker-1-cpu", "broker-1-disk", "broker-1-heap", "broker-1-partitions",
      "broker-1-under-min-isr", "broker-1-under-replicated", "cluster-no-controller", "cluster-offline-partitions",
    ])
    error_message = "Without paid metrics, figures of threads and bandwidth do not exist."
  }
}

run "larger_brokers_and_volumes_have_larger_limits" {
  command = plan
  variables {
    cluster = {
      name    = "pat-test"
      family  = "standard"
      brokers = { count = 1, instance_type = "kafka.m7g.8xlarge", monitoring_level = "PER_BROKER", volume_throughput_mibps = 1000 }
    }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["broker-1-partitions"].threshold == 4000 && aws_cloudwatch_metric_alarm.this["broker-1-volume-throughput"].threshold == 800
    error_message = "Limits follow the size."
  }
}

run "express_is_watched_by_the_metrics_it_has" {
  command = plan
  variables {
    cluster = {
      name    = "pat-test"
      family  = "express"
      brokers = { count = 3, instance_type = "express.m7g.large", monitoring_level = "PER_BROKER" }
    }
    connectors = []
    lag        = {}
  }

  assert {
    condition = toset([for key in keys(aws_cloudwatch_metric_alarm.this) : trimprefix(key, "broker-1-") if !startswith(key, "broker-2-") && !startswith(key, "broker-3-")]) == toset([
      "cpu", "connection-rate", "connections", "fetch-throttled", "iam-connections-refused", "network-processors", "produce-throttled", "request-handlers", "cluster-no-controller",
    ])
    error_message = "Express brokers report no replication, disk or heap; their quotas show as throttling."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.storage["cluster-storage"].threshold_metric_id == "band"
      && aws_cloudwatch_metric_alarm.storage["cluster-storage"].comparison_operator == "LessThanLowerOrGreaterThanUpperThreshold"
      && toset([for query in aws_cloudwatch_metric_alarm.storage["cluster-storage"].metric_query : coalesce(query.expression, try(query.metric[0].metric_name, ""))]) == toset(["StorageUsed", "ANOMALY_DETECTION_BAND(m1, 2)"])
      && contains(output.names.warning, "pat-test-cluster-storage")
    )
    error_message = "Unusual growth of billed storage is told."
  }
}

run "express_without_paid_metrics_has_no_alarms_on_them" {
  command = plan
  variables {
    cluster = {
      name    = "pat-test"
      family  = "express"
      brokers = { count = 1, instance_type = "express.m7g.large", monitoring_level = "DEFAULT" }
    }
    connectors = []
    lag        = {}
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset(["broker-1-connections", "broker-1-cpu", "cluster-no-controller"])
    error_message = "Throttling is reported from PER_BROKER on."
  }
  assert {
    condition     = output.charts[*].title == ["Cluster", "CPU, user and system (%)", "Bytes per second, in and out", "Storage (bytes)"]
    error_message = "No chart stays empty."
  }
}

run "serverless_is_watched_by_lag_alone" {
  command = plan
  variables {
    cluster    = { name = "pat-test", family = "serverless" }
    connectors = []
  }

  assert {
    condition = {
      for key, alarm in aws_cloudwatch_metric_alarm.this : key => join(", ", sort([for query in alarm.metric_query : coalesce(query.expression, try("${query.metric[0].metric_name} ${query.metric[0].stat}", ""))]))
      } == {
      "lag-notifier-pat-emails-max-offsets" = "MaxOffsetLag Maximum"
      "lag-notifier-pat-emails-sum-offsets" = "SumOffsetLag Sum, m1 * 60 / PERIOD(m1)"
      "lag-notifier-pat-emails-time"        = "MaxEstimatedTimeLag Maximum"
    }
    error_message = "There are no brokers to watch, and lag is reported by partition under names of its own."
  }
  assert {
    condition     = output.charts[*].title == ["Lag: MaxOffsetLag", "Lag: SumOffsetLag", "Lag: MaxEstimatedTimeLag"]
    error_message = "The dashboard shows what there is."
  }
}

run "a_reader_by_design_behind_is_watched_by_time_alone" {
  command = plan
  variables {
    lag = { archive = { group = "connect-archive", topic = "pat-emails", bounds = ["max_time_s"], max_time_s = 1200 } }
  }

  assert {
    condition     = [for key in keys(aws_cloudwatch_metric_alarm.this) : key if startswith(key, "lag-")] == ["lag-archive-time"]
    error_message = "Only the given bounds are watched."
  }
  assert {
    condition     = [for title in output.charts[*].title : title if startswith(title, "Lag")] == ["Lag: EstimatedMaxTimeLag"]
    error_message = "Nor is a chart made of the others."
  }
}

run "charts_show_each_broker_group_and_connector" {
  command = plan

  assert {
    condition = output.charts[*].title == [
      "Cluster", "Copies behind", "CPU, user and system (%)", "Bytes per second, in and out", "Data volume used (%)",
      "Idle request and network threads", "Time of a write (ms)", "Lag: MaxOffsetLag", "Lag: SumOffsetLag", "Lag: EstimatedMaxTimeLag",
      "Connectors: records per second", "Connectors: tasks",
    ]
    error_message = "Health, CPU, throughput, storage, requests, lag and connectors."
  }
  assert {
    condition = jsonencode(output.charts[4]) == jsonencode({
      title = "Data volume used (%)"
      stat  = "Maximum"
      metrics = [
        ["AWS/Kafka", "KafkaDataLogsDiskUsed", "Cluster Name", "pat-test", "Broker ID", "1"],
        ["AWS/Kafka", "KafkaDataLogsDiskUsed", "Cluster Name", "pat-test", "Broker ID", "2"],
        ["AWS/Kafka", "KafkaDataLogsDiskUsed", "Cluster Name", "pat-test", "Broker ID", "3"],
      ]
    })
    error_message = "A chart has a line for each broker."
  }
  assert {
    condition     = jsonencode(output.charts[7].metrics) == jsonencode([["AWS/Kafka", "MaxOffsetLag", "Cluster Name", "pat-test", "Consumer Group", "notifier", "Topic", "pat-emails"]])
    error_message = "Lag has a line for each group and topic."
  }
}

run "thresholds_can_be_ones_own" {
  command = plan
  variables { thresholds = { broker-cpu = 75, broker-request-handlers = 0.2 } }

  assert {
    condition     = alltrue([for key in ["broker-1-cpu", "broker-3-cpu"] : aws_cloudwatch_metric_alarm.this[key].threshold == 75]) && aws_cloudwatch_metric_alarm.this["broker-2-request-handlers"].threshold == 0.2
    error_message = "Of every broker, above or below."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["broker-1-disk"].threshold == 85
    error_message = "The others stay."
  }
}

run "refuses_a_threshold_of_no_alarm" {
  command = plan
  variables { thresholds = { broker-cpus = 75 } }
  expect_failures = [var.thresholds]
}
