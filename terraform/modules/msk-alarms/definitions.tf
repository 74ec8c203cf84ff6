# What is watched, as tables. Thresholds are those of AWS's best practices for MSK; where they
# depend on the broker, the row says how. A metric that a family or a monitoring level does not
# have must have no row: its alarm would stay silent.
locals {
  provisioned = var.cluster.family != "serverless"
  brokers     = local.provisioned ? [for number in range(1, var.cluster.brokers.count + 1) : tostring(number)] : []
  detailed    = local.provisioned ? var.cluster.brokers.monitoring_level != "DEFAULT" : false
  standard    = var.cluster.family == "standard"
  express     = var.cluster.family == "express"

  # Partitions, replicas included, that AWS recommends for a broker at most.
  partitions_by_size = { large = 1000, xlarge = 1000, "2xlarge" = 2000 }
  partitions = local.standard ? lookup(
    local.partitions_by_size, reverse(split(".", var.cluster.brokers.instance_type))[0], 4000,
  ) : 0

  broker_rows = {
    cpu = {
      when        = local.provisioned, severity = "critical", stat = "Average", above = 60, period_s = 300, periods = 1
      metrics     = ["CpuUser", "CpuSystem"], expression = "m1 + m2"
      description = "CPU above 60 % leaves no room for the load of a lost broker: check the clients' batches, then use larger or more brokers."
    }
    disk = {
      when        = local.standard, severity = "critical", stat = "Maximum", above = 85, period_s = 300, periods = 1
      metrics     = ["KafkaDataLogsDiskUsed"]
      description = "A full volume stops the broker: raise max_volume_gib or shorten retention."
    }
    under-replicated = {
      when        = local.standard, severity = "critical", stat = "Sum", above = 0, period_s = 300, periods = 3
      metrics     = ["UnderReplicatedPartitions"]
      description = "Copies are behind for 15 minutes: unless MSK is patching, look at the broker's logs."
    }
    under-min-isr = {
      when        = local.standard, severity = "critical", stat = "Average", at_least = 1, period_s = 60, periods = 1
      metrics     = ["UnderMinIsrPartitionCount"]
      description = "Partitions refuse writes because too few copies are in sync."
    }
    heap = {
      when        = local.standard, severity = "critical", stat = "Average", above = 60, period_s = 300, periods = 3
      metrics     = ["HeapMemoryAfterGC"]
      description = "Memory stays full after collection: too many connections, groups or partitions for this broker."
    }
    partitions = {
      when        = local.standard, severity = "warning", stat = "Maximum", above = local.partitions, period_s = 300, periods = 3
      metrics     = ["PartitionCount"]
      description = "More partitions than AWS recommends for this size; MSK refuses updates soon after."
    }
    volume-throughput = {
      when        = local.standard && local.detailed, severity = "warning", stat = "Sum", at_least = 0.8 * try(var.cluster.brokers.volume_throughput_mibps, 250), period_s = 300, periods = 3
      metrics     = ["VolumeReadBytes", "VolumeWriteBytes"], expression = "(m1 + m2) / (5 * 60 * 1024 * 1024)"
      description = "The volume does 80 % of what it can, in MiB/s: provision throughput or use larger brokers."
    }
    bandwidth-in = {
      when        = local.standard && local.detailed, severity = "warning", stat = "Sum", above = 0, period_s = 300, periods = 1
      metrics     = ["BwInAllowanceExceeded"]
      description = "Incoming traffic is shaped: look at its distribution over brokers, then use larger ones."
    }
    bandwidth-out = {
      when        = local.standard && local.detailed, severity = "warning", stat = "Sum", above = 0, period_s = 300, periods = 1
      metrics     = ["BwOutAllowanceExceeded"]
      description = "Outgoing traffic is shaped: look at its distribution over brokers, then use larger ones."
    }
    request-handlers = {
      when        = local.detailed, severity = "warning", stat = "Average", below = 0.3, period_s = 300, periods = 1
      metrics     = ["RequestHandlerAvgIdlePercent"]
      description = "Request threads are busy for more than 70 % of the time: larger batches in clients help first."
    }
    network-processors = {
      when        = local.detailed, severity = "warning", stat = "Average", below = 0.3, period_s = 300, periods = 1
      metrics     = ["NetworkProcessorAvgIdlePercent"]
      description = "Network threads are busy for more than 70 % of the time: look for connection storms."
    }
    iam-connections-refused = {
      when        = local.detailed, severity = "warning", stat = "Sum", above = 0, period_s = 300, periods = 1
      metrics     = ["IAMTooManyConnections"]
      description = "New IAM connections are refused: clients connect too often; reuse them and spread reconnects."
    }
    connection-rate = {
      # The limit, 100 a second, cannot be raised; the alarm comes at 80 %.
      when        = local.detailed, severity = "warning", stat = "Sum", at_least = 80, period_s = 60, periods = 3
      metrics     = ["ConnectionCreationRate"]
      description = "New connections come near the rate at which MSK refuses them."
    }
    connections = {
      # 80 % of the 3000 IAM connections a broker takes.
      when        = local.provisioned, severity = "warning", stat = "Sum", above = 2400, period_s = 60, periods = 5
      metrics     = ["ClientConnectionCount"], dimensions = { "Client Authentication" = "IAM" }
      description = "IAM connections come near the 3000 a broker takes: look for clients that are made again and again instead of reused."
    }
    produce-throttled = {
      when        = local.express && local.detailed, severity = "warning", stat = "Average", above = 0, period_s = 300, periods = 1
      metrics     = ["ProduceThrottleTime"]
      description = "Writes are slowed down: the broker's ingress quota is used up; use larger or more brokers."
    }
    fetch-throttled = {
      when        = local.express && local.detailed, severity = "warning", stat = "Average", above = 0, period_s = 300, periods = 1
      metrics     = ["FetchThrottleTime"]
      description = "Reads are slowed down: the broker's egress quota is used up; use larger or more brokers or fewer groups."
    }
  }

  cluster_rows = {
    no-controller = {
      when        = local.provisioned, severity = "critical", stat = "Maximum", below = 1, period_s = 60, periods = 5, missing = "breaching"
      metrics     = ["ActiveControllerCount"]
      description = "No controller for five minutes: leaders are not elected. A shorter gap at a restart is normal."
    }
    offline-partitions = {
      when        = local.standard, severity = "critical", stat = "Sum", above = 0, period_s = 60, periods = 1
      metrics     = ["OfflinePartitionsCount"]
      description = "Partitions without a leader can neither be written nor read."
    }
  }

  kinds = concat(formatlist("broker-%s", keys(local.broker_rows)), formatlist("cluster-%s", keys(local.cluster_rows)))

  # Serverless clusters send a value for each partition, so a topic's is a sum, brought to one minute.
  lag_rows = {
    max-offsets = {
      metric      = "MaxOffsetLag", stat = "Maximum", expression = null, field = "max_offsets"
      description = "The worst partition is behind by more events than allowed."
    }
    sum-offsets = {
      metric      = "SumOffsetLag", stat = local.provisioned ? "Average" : "Sum", expression = local.provisioned ? null : "m1 * 60 / PERIOD(m1)", field = "sum_offsets"
      description = "The topic is behind by more events than allowed."
    }
    time = {
      metric      = local.provisioned ? "EstimatedMaxTimeLag" : "MaxEstimatedTimeLag", stat = "Maximum", expression = null, field = "max_time_s"
      description = "Catching up would take longer than allowed, in seconds."
    }
  }

  connector_rows = {
    failed-tasks = {
      stat        = "Maximum", above = 0, period_s = 60, periods = 5, metrics = ["ErroredTaskCount"]
      description = "Tasks of the connector have failed; its log says why. Events wait in their topics as long as these keep them."
    }
    no-tasks = {
      stat        = "Maximum", below = 1, period_s = 300, periods = 3, metrics = ["RunningTaskCount"], missing = "breaching"
      description = "The connector runs no task for 15 minutes. Events wait in their topics as long as these keep them."
    }
  }
}
