locals {
  name = "${var.name}-${var.environment}"

  account = {
    id        = data.aws_caller_identity.this.account_id
    region    = var.region
    partition = data.aws_partition.this.partition
  }

  catalog = yamldecode(file(coalesce(var.catalog_file, "${path.module}/../schemas/catalog.yaml")))

  # What the catalogue says of each queue, with its defaults.
  queues = {
    for name, queue in try(local.catalog.queues, {}) : name => {
      fifo               = try(queue.fifo, false)
      consumer_timeout_s = queue.consumer_timeout_s
    }
  }

  schedules = try(local.catalog.schedules, {})

  # EmailReceived -> email-received
  rule_names = { for event in keys(local.catalog.events) : event => lower(replace(event, "/([a-z0-9])([A-Z])/", "$1-$2")) }

  # One entry per rule and target: what is to be delivered where.
  targets = flatten([
    for event, entry in local.catalog.events : concat(
      [for name in try(entry.targets.queues, []) : { rule = local.rule_names[event], kind = local.queues[name].fifo ? "fifo_queue" : "queue", name = name } if contains(keys(local.queues), name)],
      [for name in try(entry.targets.functions, []) : { rule = local.rule_names[event], kind = "function", name = name } if contains(keys(var.function_arns), name)],
      [for name in try(entry.targets.workflows, []) : { rule = local.rule_names[event], kind = "workflow", name = name }],
    )
  ])

  rules = {
    for event, entry in local.catalog.events : local.rule_names[event] => {
      description   = "${entry.detail_type} of ${entry.source}"
      event_pattern = jsonencode({ source = [entry.source], detail-type = [entry.detail_type] })
    } if contains(local.targets[*].rule, local.rule_names[event])
  }
  rule_arns = { for rule in keys(local.rules) : rule => "arn:${local.account.partition}:events:${var.region}:${local.account.id}:rule/${local.name}/${rule}" }

  workflows = toset([for target in local.targets : target.name if target.kind == "workflow"])

  # Severity to SNS topic, for alarms.
  alarm_topic_arns = {
    critical = module.topic["critical-alerts"].arn
    warning  = module.topic["alerts"].arn
  }
}

# A catalogue that contradicts itself is refused before anything is planned from it.
resource "terraform_data" "catalog" {
  input = sha256(jsonencode(local.catalog))

  lifecycle {
    precondition {
      condition     = alltrue(flatten([for entry in local.catalog.events : [for name in try(entry.targets.queues, []) : contains(keys(try(local.catalog.queues, {})), name)]]))
      error_message = "The catalogue sends an event to a queue it does not list; add the queue under 'queues' or correct the event's targets."
    }
    precondition {
      condition     = length(distinct([for entry in local.catalog.events : "${entry.source}/${entry.detail_type}"])) == length(local.catalog.events)
      error_message = "Two events of the catalogue have the same source and detail_type: their rules would catch each other's events. Give each its own detail_type."
    }
    precondition {
      condition     = alltrue([for schedule in local.schedules : try(!local.queues[schedule.queue].fifo, false)])
      error_message = "A schedule of the catalogue sends to a queue that is not listed or is FIFO; schedules need a standard queue."
    }
    precondition {
      condition     = alltrue([for topic in try(local.catalog.topics, {}) : topic.retention_days >= 7])
      error_message = "A topic of the catalogue keeps events less than 7 days; raise its retention_days."
    }
  }
}
