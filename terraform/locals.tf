locals {
  name = "${var.name}-${var.environment}"

  account = {
    id        = data.aws_caller_identity.this.account_id
    region    = var.region
    partition = data.aws_partition.this.partition
  }

  catalog = yamldecode(file(coalesce(var.catalog_file, "${path.module}/../schemas/catalog.yaml")))

  # What the catalogue says, with defaults. What it leaves out against the rules is told by
  # terraform_data.catalog, in sentences; nothing here may fail before that.
  queues = {
    for name, queue in try(local.catalog.queues, {}) : name => {
      fifo               = try(tobool(queue.fifo), false)
      consumer_timeout_s = try(min(max(floor(queue.consumer_timeout_s), 1), 7200), 1)
    }
  }
  events = {
    for name, event in local.catalog.events : name => {
      topic       = try(event.topic, "")
      source      = try(event.source, "")
      detail_type = try(event.detail_type, "")
      targets     = { for kind in ["queues", "functions", "workflows"] : kind => try(distinct([for name in event.targets[kind] : tostring(name)]), []) }
    }
  }
  schedules = {
    for name, schedule in try(local.catalog.schedules, {}) : name => {
      description = try(schedule.description, null)
      cron        = try(schedule.cron, "")
      queue       = try(schedule.queue, "")
      input       = try(schedule.input, {})
    }
  }

  # EmailReceived -> email-received
  rule_names = { for event in keys(local.events) : event => lower(replace(event, "/([a-z0-9])([A-Z])/", "$1-$2")) }

  # One entry per rule and target: what is to be delivered where.
  targets = flatten([
    for event, entry in local.events : concat(
      [for name in entry.targets.queues : { rule = local.rule_names[event], kind = local.queues[name].fifo ? "fifo_queue" : "queue", name = name } if contains(keys(local.queues), name)],
      [for name in entry.targets.functions : { rule = local.rule_names[event], kind = "function", name = name } if contains(keys(var.function_arns), name)],
      [for name in entry.targets.workflows : { rule = local.rule_names[event], kind = "workflow", name = name } if can(regex(local.workflow_name, name))],
    )
  ])

  rules = {
    # Grouped, because two events that make one rule are refused in a sentence.
    for rule, events in { for event, entry in local.events : local.rule_names[event] => entry... } : rule => {
      description   = "${events[0].detail_type} of ${events[0].source}"
      event_pattern = jsonencode({ source = [events[0].source], detail-type = [events[0].detail_type] })
    } if contains(local.targets[*].rule, rule)
  }
  rule_arns = { for rule in keys(local.rules) : rule => "arn:${local.account.partition}:events:${var.region}:${local.account.id}:rule/${local.name}/${rule}" }

  # A bucket's name, which has account and region as well, ends at 63 characters.
  workflow_name = "^[a-z0-9-]{1,${39 - length(local.name)}}$"
  workflows     = toset([for target in local.targets : target.name if target.kind == "workflow"])

  # Severity to SNS topic, for alarms.
  alarm_topic_arns = {
    critical = module.topic["critical-alerts"].arn
    warning  = module.topic["alerts"].arn
  }
}
