locals {
  cluster_dimension = { "Cluster Name" = var.cluster.name }

  rows = merge(
    merge([
      for broker in local.brokers : {
        for name, row in local.broker_rows : "broker-${broker}-${name}" => merge(row, {
          kind       = "broker-${name}"
          namespace  = "AWS/Kafka"
          dimensions = merge(local.cluster_dimension, { "Broker ID" = broker }, try(row.dimensions, {}))
        }) if row.when
      }
    ]...),
    {
      for name, row in local.cluster_rows : "cluster-${name}" => merge(row, {
        namespace  = "AWS/Kafka"
        dimensions = local.cluster_dimension
      }) if row.when
    },
    merge([
      for key, lag in var.lag : {
        for name, row in local.lag_rows : "lag-${key}-${name}" => {
          namespace   = "AWS/Kafka"
          metrics     = [row.metric]
          dimensions  = merge(local.cluster_dimension, { "Consumer Group" = lag.group, "Topic" = lag.topic })
          stat        = row.stat
          expression  = row.expression
          above       = lag[row.field]
          period_s    = 300
          periods     = 3
          severity    = lag.severity
          description = "${lag.group} on ${lag.topic}: ${row.description}"
        } if contains(lag.bounds, row.field)
      }
    ]...),
    merge([
      for connector in var.connectors : {
        for name, row in local.connector_rows : "connector-${connector}-${name}" => merge(row, {
          namespace  = "AWS/KafkaConnect"
          dimensions = { ConnectorName = connector }
          severity   = "warning"
        })
      }
    ]...),
  )

  # A row bounds its metric on one side, by the attribute of that name.
  operators = {
    above    = "GreaterThanThreshold"
    at_least = "GreaterThanOrEqualToThreshold"
    below    = "LessThanThreshold"
  }
  alarms = {
    for key, row in local.rows : key => merge(row, {
      bound      = one([for bound in keys(local.operators) : bound if can(row[bound])])
      threshold  = try(var.thresholds[try(row.kind, key)], one([for bound in keys(local.operators) : row[bound] if can(row[bound])]))
      expression = try(row.expression, null)
      missing    = try(row.missing, "notBreaching")
    })
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.cluster.name}-${each.key}"
  alarm_description   = each.value.description
  comparison_operator = local.operators[each.value.bound]
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = [var.topic_arns[each.value.severity]]
  ok_actions          = [var.topic_arns[each.value.severity]]

  dynamic "metric_query" {
    for_each = each.value.metrics
    content {
      id          = "m${metric_query.key + 1}"
      return_data = each.value.expression == null

      metric {
        namespace   = each.value.namespace
        metric_name = metric_query.value
        dimensions  = each.value.dimensions
        stat        = each.value.stat
        period      = each.value.period_s
      }
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expression[*]
    content {
      id          = "e1"
      expression  = metric_query.value
      label       = each.key
      return_data = true
    }
  }

  # An alarm that a composite alarm names cannot be deleted: the composite is changed first.
  lifecycle {
    create_before_destroy = true
  }
}

# Express storage is billed by the byte and has no limit to compare with: what is unusual is told.
resource "aws_cloudwatch_metric_alarm" "storage" {
  for_each = local.express ? { cluster-storage = "warning" } : {}

  alarm_name          = "${var.cluster.name}-${each.key}"
  alarm_description   = "Storage leaves its usual range: look for a topic without retention or a new producer."
  comparison_operator = "LessThanLowerOrGreaterThanUpperThreshold"
  threshold_metric_id = "band"
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arns[each.value]]
  ok_actions          = [var.topic_arns[each.value]]

  metric_query {
    id          = "m1"
    return_data = true

    metric {
      namespace   = "AWS/Kafka"
      metric_name = "StorageUsed"
      dimensions  = local.cluster_dimension
      stat        = "Maximum"
      period      = 300
    }
  }

  metric_query {
    id          = "band"
    expression  = "ANOMALY_DETECTION_BAND(m1, 2)"
    label       = "usual range"
    return_data = true
  }
}
