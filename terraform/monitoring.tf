# Alarms of bus, queues, topics, state machines and schedules, the dashboard, and the
# one alarm that says whether the whole platform is healthy. monitoring_msk.tf adds the
# cluster's part: local.msk_alarm_names (by severity), local.msk_alarm_arns (list) and
# local.msk_widgets (list of {title, metrics, stat}).
#
# Alarms are created before they are destroyed, and Terraform hands that on to all they depend
# on: a queue or a connector would be created beside its predecessor, under the same name. So
# they name what they watch and whom they tell, and depend on none of it: only what follows
# from variables and the catalogue is used here, and of a module one output at a time.
locals {
  # Two visibility timeouts, or a quarter of an hour if that is longer.
  queue_age_s = { for name, queue in local.queues : name => max(900, queue.delay_s + 2 * queue.visibility_timeout_s) }

  queue_alarms = merge([
    for name, queue in local.queue_names : {
      "queue-${name}-old" = {
        description = "Consumers of ${queue.live} are behind: its oldest message has waited for more than ${local.queue_age_s[name]} seconds. Look at the consumers, or add some."
        severity    = "warning"
        namespace   = "AWS/SQS"
        metric      = "ApproximateAgeOfOldestMessage"
        dimensions  = { QueueName = queue.live }
        statistic   = "Maximum"
        above       = local.queue_age_s[name]
        periods     = 5
      }
      "queue-${name}-dead-letters" = {
        description = "Consumers gave up on messages of ${queue.live}. Read them in ${queue.dead_letters}, mend the cause, redrive."
        severity    = "critical"
        namespace   = "AWS/SQS"
        metric      = "ApproximateNumberOfMessagesVisible"
        dimensions  = { QueueName = queue.dead_letters }
        statistic   = "Maximum"
      }
    }
  ]...)

  bus_alarms = merge(
    {
      "bus-undelivered" = {
        description = "EventBridge gave up on events. Their message attributes in ${module.bus.dead_letter_name} name rule, target and error."
        severity    = "critical"
        namespace   = "AWS/SQS"
        metric      = "ApproximateNumberOfMessagesVisible"
        dimensions  = { QueueName = module.bus.dead_letter_name }
        statistic   = "Maximum"
      }
    },
    merge([
      for rule in keys(local.rules) : {
        "rule-${rule}-failed" = {
          description = "A target of rule ${rule} refused events for good: a policy, a key or the target is missing."
          severity    = "warning"
          namespace   = "AWS/Events"
          metric      = "FailedInvocations"
          dimensions  = { EventBusName = local.name, RuleName = rule }
        }
        "rule-${rule}-lost" = {
          description = "Events of rule ${rule} reached neither target nor dead-letter queue: they are lost here. Replay them from the archive."
          severity    = "critical"
          namespace   = "AWS/Events"
          metric      = "InvocationsFailedToBeSentToDlq"
          dimensions  = { EventBusName = local.name, RuleName = rule }
        }
        "rule-${rule}-throttled" = {
          description = "EventBridge throttles rule ${rule}: events come late. Ask AWS for a higher invocation quota."
          severity    = "warning"
          namespace   = "AWS/Events"
          metric      = "ThrottledRules"
          dimensions  = { EventBusName = local.name, RuleName = rule }
        }
      }
    ]...),
  )

  workflow_metrics = {
    failed    = { metric = "ExecutionsFailed", severity = "critical", text = "Runs of %s fail. The log has every error; the bucket has, under runs/, those of runs that could still be recorded." }
    timed-out = { metric = "ExecutionsTimedOut", severity = "critical", text = "Runs of %s do not finish in time. The log says where they stood; they leave no record." }
    throttled = { metric = "ExecutionThrottled", severity = "warning", text = "Step Functions throttles %s: ask AWS for a higher quota of state transitions." }
  }
  workflow_alarms = merge([
    for name, arn in local.workflow_arns : {
      for key, kind in local.workflow_metrics : "workflow-${name}-${key}" => {
        description = format(kind.text, name)
        severity    = kind.severity
        namespace   = "AWS/States"
        metric      = kind.metric
        dimensions  = { StateMachineArn = arn }
      }
    }
  ]...)

  topic_alarms = {
    for name in local.topic_names : "topic-${name}-failed" => {
      description = "Messages of ${local.name}-${name} did not reach a subscriber. An alarm nobody hears is worse than none: check the subscriptions."
      severity    = "warning"
      namespace   = "AWS/SNS"
      metric      = "NumberOfNotificationsFailed"
      dimensions  = { TopicName = "${local.name}-${name}" }
    }
  }

  function_alarms = !local.unhandled ? {} : {
    "functions-unhandled" = {
      description = "A function gave up on events. ${local.unhandled_name} has them, of a topic their places (topic, partition, offsets): mend the function, let it handle them, delete them there."
      severity    = "critical"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = local.unhandled_name }
      statistic   = "Maximum"
    }
  }

  service_alarms = merge(
    local.queue_alarms, local.bus_alarms, local.workflow_alarms, local.topic_alarms, local.function_alarms, local.schedule_alarms, local.group_alarms
  )

  # What consumers print by EmbeddedMetrics, where they do: docs/monitoring.md has the names. A test
  # compares them.
  group_alarms = merge([
    for group in keys(local.read_by) : {
      "group-${group}-old" = {
        description = "The group ${group} is behind: its oldest event has waited for more than 15 minutes. Look at its log, then at 'pat-events lag ${group} --members'."
        severity    = "warning"
        namespace   = var.consumer_metrics_namespace
        metric      = "pat_events_consumer_oldest_unprocessed_age_seconds"
        dimensions  = { group = group }
        statistic   = "Maximum"
        above       = 900
        periods     = 5
      }
      "group-${group}-behind" = {
        description = "The group ${group} is behind by too many events in a partition. Look at its log, then at 'pat-events lag ${group} --members'."
        severity    = "warning"
        namespace   = var.consumer_metrics_namespace
        metric      = "pat_events_consumer_lag_messages"
        dimensions  = { group = group }
        statistic   = "Maximum"
        above       = 100000
        periods     = 5
      }
      "group-${group}-dead-letters" = {
        description = "The group ${group} gave up on events. Read them with 'pat-events dlq list' and 'dlq show', mend the cause, replay them."
        severity    = "critical"
        namespace   = var.consumer_metrics_namespace
        metric      = "pat_events_consumer_dead_lettered_total"
        dimensions  = { group = group }
      }
    } if var.consumer_metrics_namespace != null
  ]...)

  schedule_alarms = {
    for key, metric in { dropped = "InvocationDroppedCount", refused = "TargetErrorCount" } : "schedules-${key}" => {
      description                = "The scheduler could not hand a job's message to its queue; what it dropped is in ${module.bus.dead_letter_name}."
      severity                   = key == "dropped" ? "critical" : "warning"
      namespace                  = "AWS/Scheduler"
      metric                     = metric
      dimensions                 = { ScheduleGroup = local.name }
    }
  }
}

module "alarms" {
  source = "./modules/alarms"

  name_prefix = local.name
  topic_arns  = local.alarm_topic_arns
  alarms = {
    for key, alarm in local.service_alarms : key => merge(alarm, { above = lookup(var.alarm_thresholds, key, try(alarm.above, 0)) })
  }
}

locals {
  critical_alarms = concat(module.alarms.names.critical, local.msk_alarm_names.critical)

  # CloudWatch lets a composite alarm watch 100 alarms by a rule of 10,240 characters:
  # 38 names of 255, the longest there are, always fit.
  critical_parts = { for index, names in chunklist(local.critical_alarms, 38) : "critical-${index + 1}" => names }
}

# In alarm when any of its part of the critical alarms is. It tells nobody: each alarm
# does, and the one over all parts.
resource "aws_cloudwatch_composite_alarm" "part" {
  for_each = local.critical_parts

  alarm_name        = "${local.name}-event-platform-${each.key}"
  alarm_description = "OK while none of these critical alarms of the event platform rings."
  alarm_rule        = join(" OR ", [for name in each.value : "ALARM(\"${name}\")"])

  lifecycle {
    create_before_destroy = true
  }

  # The rule names its alarms, so they must exist before it.
  depends_on = [module.alarms, module.msk_alarms]
}

# In alarm when any critical alarm is: the one light for a status page.
resource "aws_cloudwatch_composite_alarm" "healthy" {
  alarm_name        = "${local.name}-event-platform-healthy"
  alarm_description = "OK while no critical alarm of the event platform rings."
  alarm_rule        = join(" OR ", [for part in aws_cloudwatch_composite_alarm.part : "ALARM(\"${part.alarm_name}\")"])
  alarm_actions     = [module.topic["operations"].arn]
  ok_actions        = [module.topic["operations"].arn]
}

locals {
  # A catalogue need not have everything; a chart of nothing is an error to CloudWatch.
  widgets = [for widget in concat(
    [
      {
        title   = "Events matched per rule"
        stat    = "Sum"
        metrics = [for rule in keys(local.rules) : ["AWS/Events", "MatchedEvents", "EventBusName", local.name, "RuleName", rule]]
      },
      {
        title   = "Deliveries that failed or were throttled"
        stat    = "Sum"
        metrics = [for pair in setproduct(["FailedInvocations", "ThrottledRules"], keys(local.rules)) : ["AWS/Events", pair[0], "EventBusName", local.name, "RuleName", pair[1]]]
      },
      {
        title   = "Messages waiting"
        stat    = "Maximum"
        metrics = [for queue in local.queue_names : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.live]]
      },
      {
        title   = "Age of the oldest message (s)"
        stat    = "Maximum"
        metrics = [for queue in local.queue_names : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue.live]]
      },
      {
        title   = "Dead letters"
        stat    = "Maximum"
        metrics = [for name in concat(values(local.queue_names)[*].dead_letters, [module.bus.dead_letter_name], local.unhandled ? [local.unhandled_name] : []) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name]]
      },
      {
        title   = "Notifications that failed"
        stat    = "Sum"
        metrics = [for name in local.topic_names : ["AWS/SNS", "NumberOfNotificationsFailed", "TopicName", "${local.name}-${name}"]]
      },
    ],
    [
      for name, arn in local.workflow_arns : {
        title   = "Workflow ${name}"
        stat    = "Sum"
        metrics = [for metric in ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut"] : ["AWS/States", metric, "StateMachineArn", arn]]
      }
    ],
    local.msk_widgets,
  ) : widget if length(widget.metrics) > 0]
}

locals {
  # A widget shows 100 alarms at most.
  shown_alarms = chunklist(concat([aws_cloudwatch_composite_alarm.healthy.arn], values(module.alarms.arns), local.msk_alarm_arns), 100)
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = "${local.name}-events"
  dashboard_body = jsonencode({
    widgets = concat(
      [for index, arns in local.shown_alarms : {
        type = "alarm", x = 0, y = index * 4, width = 24, height = 4
        properties = {
          title  = length(local.shown_alarms) == 1 ? "Alarms" : "Alarms (${index + 1} of ${length(local.shown_alarms)})"
          alarms = arns
        }
      }],
      [for index, widget in local.widgets : {
        type = "metric", x = index % 2 * 12, y = length(local.shown_alarms) * 4 + floor(index / 2) * 6, width = 12, height = 6
        properties = {
          title   = widget.title
          region  = var.region
          stat    = widget.stat
          period  = 60
          metrics = widget.metrics
        }
      }],
    )
  })
}
