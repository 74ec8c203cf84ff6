locals {
  name = "${var.name}-${var.environment}"

  account = {
    id        = data.aws_caller_identity.this.account_id
    region    = var.region
    partition = data.aws_partition.this.partition
  }

  roles = { path = var.iam_path, permissions_boundary_arn = var.permissions_boundary_arn }

  catalog = yamldecode(file(coalesce(var.catalog_file, "${path.module}/../schemas/catalog.yaml")))

  # What the catalogue says, with defaults. What it leaves out against the rules is told by
  # terraform_data.catalog, in sentences; nothing here may fail before that.
  queues = {
    for name, queue in try(local.catalog.queues, {}) : name => {
      fifo               = try(tobool(queue.fifo), false)
      consumer_timeout_s = try(min(max(floor(queue.consumer_timeout_s), 1), 7200), 1)
      delay_s            = try(min(max(floor(queue.delay_s), 0), 900), 0)
      max_receive_count  = try(min(max(floor(queue.max_receive_count), 2), 1000), 5)
      retention_days     = try(min(max(floor(queue.retention_days), 7), 14), 7)
      visibility_timeout_s = max(
        try(min(floor(queue.visibility_timeout_s), 43200), 0),
        6 * try(min(max(floor(queue.consumer_timeout_s), 1), 7200), 1),
      )
    }
  }
  events = {
    for name, event in local.catalog.events : name => {
      topic       = try(event.topic, "")
      source      = try(event.source, "")
      detail_type = try(event.detail_type, "")
      targets     = { for kind in local.target_kinds : kind => try(distinct([for name in event.targets[kind] : tostring(name)]), []) }
    }
  }
  own_rules = {
    for name, rule in try(local.catalog.rules, {}) : name => {
      event       = try(tostring(rule.event), "")
      description = try(rule.description, null)
      filter      = try(rule.filter, null)
      transform   = try({ paths = try(rule.transform.paths, {}), template = rule.transform.template }, null)
      targets     = { for kind in local.target_kinds : kind => try(distinct([for name in rule.targets[kind] : tostring(name)]), []) }
    }
  }
  target_kinds = keys(local.catalog_schema["$defs"].targets.properties)
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

  # Every rule before it is split, and the event it is about.
  ways = concat(
    [for event, entry in local.events : { rule = local.rule_names[event], event = event, targets = entry.targets, description = null, filter = null, transform = null }],
    [for name, rule in local.own_rules : merge(rule, { rule = name })],
  )

  # One entry per rule and target: what is delivered where. EventBridge allows a rule 5 targets, so
  # of more there are rules of 4 each: a target that moves from one to the next finds room before
  # another has left. Queues come last, because they are what is added most. A function without
  # ARN keeps its place: nothing moves on the day it has one.
  targets = flatten([
    for way in local.ways : [
      for index, target in concat(
        [for name in way.targets.workflows : { kind = "workflow", name = name, there = can(regex(local.workflow_name, name)) }],
        [for name in way.targets.functions : { kind = "function", name = name, there = can(var.function_arns[name]) }],
        [for name in way.targets.sns_topics : { kind = "topic", name = name, there = contains(local.topic_names, name) || can(module.inputs.event_topics[name]) }],
        [for name in way.targets.streams : { kind = "stream", name = name, there = can(module.inputs.event_streams[name]) }],
        [for name in way.targets.buses : { kind = "bus", name = name, there = can(var.event_buses[name]) }],
        [for name in way.targets.endpoints : { kind = "endpoint", name = name, there = can(module.inputs.event_endpoints[name]) }],
        [for name in way.targets.queues : { kind = try(local.queues[name].fifo, false) ? "fifo_queue" : "queue", name = name, there = can(local.queues[name]) }],
        ) : {
        rule = (
          length(flatten(values(way.targets))) <= 5 || index < 4 ? way.rule
          : "${way.rule}-${floor(index / 4) + 1}"
        )
        kind = target.kind
        name = target.name
        # Order per type of event, whichever rule the target is in.
        message_group = target.kind == "fifo_queue" ? lookup(local.rule_names, way.event, way.rule) : null
      } if target.there
    ]
  ])

  # Grouped, because two that make one rule are refused in a sentence.
  patterns = {
    for rule, ways in { for way in local.ways : way.rule => way... } : rule => {
      description = coalesce(ways[0].description, try("${local.events[ways[0].event].detail_type} of ${local.events[ways[0].event].source}", rule))
      event_pattern = jsonencode(merge(
        { source = [try(local.events[ways[0].event].source, "-")], detail-type = [try(local.events[ways[0].event].detail_type, "-")] },
        { for part, wanted in { detail = ways[0].filter } : part => wanted if wanted != null },
      ))
      transform = ways[0].transform
    }
  }
  rules = {
    for rule in distinct(local.targets[*].rule) : rule => try(local.patterns[rule], local.patterns[replace(rule, "/-[0-9]+$/", "")])
  }
  rule_arns = { for rule in keys(local.rules) : rule => "arn:${local.account.partition}:events:${var.region}:${local.account.id}:rule/${local.name}/${rule}" }

  sources   = distinct([for event in local.events : event.source])
  functions = distinct(flatten([for way in local.ways : way.targets.functions]))
  # Kind to what the catalogue sends there by a name that an input gives an address.
  named_targets = {
    for kind in ["sns_topics", "streams", "buses", "endpoints"] : kind => distinct(flatten([for way in local.ways : way.targets[kind]]))
  }

  # A bucket's name, which has account and region as well, ends at 63 characters.
  workflow_name = "^[a-z0-9-]{1,${39 - length(local.name)}}$"
  workflows     = toset([for target in local.targets : target.name if target.kind == "workflow"])

  # Group to the topics it reads.
  read_by = {
    for name, group in try(local.catalog.groups, {}) : name => try(distinct([for event in group.consumes : local.events[event].topic if can(local.events[event])]), [])
  }

  # What monitoring.tf watches and tells, by name: see there why it does not ask the modules.
  topic_names = ["alerts", "critical-alerts", "operations", "user-notifications"]
  queue_names = {
    for name, queue in local.queues : name => {
      live         = "${local.name}-${name}${queue.fifo ? ".fifo" : ""}"
      dead_letters = "${local.name}-${name}-dlq${queue.fifo ? ".fifo" : ""}"
    }
  }
  workflow_arns = { for name in local.workflows : name => "arn:${local.account.partition}:states:${var.region}:${local.account.id}:stateMachine:${local.name}-${name}" }

  # Severity to SNS topic, for alarms.
  alarm_topic_arns = {
    for severity, topic in { critical = "critical-alerts", warning = "alerts" } :
    severity => "arn:${local.account.partition}:sns:${var.region}:${local.account.id}:${local.name}-${topic}"
  }

  # The package's own names: pat_events.Config and its transports.
  settings = merge(
    { PAT_EVENTS_AWS_REGION = var.region },
    var.claim_check == null ? {} : {
      PAT_EVENTS_CLAIM_CHECK_BUCKET = module.claim_check[0].bucket
      PAT_EVENTS_CLAIM_CHECK_PREFIX = module.claim_check[0].prefix
    },
    !var.enable_msk ? {} : {
      PAT_EVENTS_BOOTSTRAP_SERVERS = module.msk[local.msk_family].bootstrap_servers
      PAT_EVENTS_MSK_IAM_REGION    = var.region
    },
  )
}
