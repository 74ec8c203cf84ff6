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
      fifo               = try(queue.fifo, false)
      consumer_timeout_s = try(tonumber(queue.consumer_timeout_s), 1)
    }
  }
  events = {
    for name, event in local.catalog.events : name => {
      topic       = try(event.topic, "")
      source      = try(event.source, "")
      detail_type = try(event.detail_type, "")
      targets     = { for kind in ["queues", "functions", "workflows"] : kind => distinct(try(event.targets[kind], [])) }
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
      [for name in entry.targets.workflows : { rule = local.rule_names[event], kind = "workflow", name = name }],
    )
  ])

  rules = {
    for event, entry in local.events : local.rule_names[event] => {
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

# What is wrong with the catalogue, in sentences. schemas/catalog.schema.json has every rule; these
# are the ones whose breach a plan would pass over or report in Terraform's own words.
locals {
  catalog_faults = concat(
    flatten([
      for name, event in local.catalog.events : concat(
        [for key in ["topic", "source", "detail_type"] : "events.${name} has no ${key}; add it." if !can(tostring(event[key]))],
        [for topic in [try(tostring(event.topic), null)] : "events.${name} has the topic ${topic}, which is not under topics; add it there or correct the event." if topic == null ? false : !can(local.catalog.topics[topic])],
        [for key in try(keys(event.targets), []) : "events.${name}.targets has the unknown key ${key}; targets are queues, functions and workflows." if !contains(["queues", "functions", "workflows"], key)],
        [for queue in local.events[name].targets.queues : "events.${name}.targets sends to the queue ${queue}, which is not under queues; add it there or correct the target." if !contains(keys(local.queues), queue)],
        [for kind, names in local.events[name].targets : "events.${name}.targets.${kind} names a target twice; name it once." if length(names) != length(try(event.targets[kind], []))],
      )
    ]),
    [
      for names in values({ for name, event in local.events : "${event.source}/${event.detail_type}" => name... }) :
      "events ${join(" and ", names)} have the same source and detail_type, so their rules would catch each other's events; give each its own detail_type." if length(names) > 1
    ],
    flatten([
      for name, queue in try(local.catalog.queues, {}) : concat(
        [for key in try(keys(queue), []) : "queues.${name} has the unknown key ${key}; a queue has consumer_timeout_s and fifo, the rest follows." if !contains(["consumer_timeout_s", "fifo"], key)],
        can(tonumber(queue.consumer_timeout_s)) ? [] : ["queues.${name} has no consumer_timeout_s; say how many seconds a consumer works on one message at most."],
      )
    ]),
    [for name, topic in try(local.catalog.topics, {}) : "topics.${name} keeps events less than 7 days; raise its retention_days." if !try(topic.retention_days >= 7, false)],
    [for letters in try([local.catalog.dead_letters], []) : "dead_letters are kept less than 7 days; raise retention_days." if !try(letters.retention_days >= 7, false)],
    flatten([
      for name, group in try(local.catalog.groups, {}) : [
        for event in distinct(concat(try(group.consumes, []), try(group.publishes, []))) :
        "groups.${name} names the event ${event}, which is not under events; add it there or correct the group." if !contains(keys(local.events), event)
      ]
    ]),
    [for name, schedule in local.schedules : "schedules.${name} needs a queue that is under queues and not FIFO; correct its queue." if !try(!local.queues[schedule.queue].fifo, false)],
    length(local.workflows) > 0 && !can(local.events[var.workflow_step_event]) ? [
      "events has no ${var.workflow_step_event}, which workflows publish for their steps; add it, or name another in the input workflow_step_event."
    ] : [],
  )
}

resource "terraform_data" "catalog" {
  input = sha256(jsonencode(local.catalog))

  lifecycle {
    precondition {
      condition     = length(local.catalog_faults) == 0
      error_message = "The catalogue is refused:\n${join("\n", local.catalog_faults)}"
    }
  }
}
