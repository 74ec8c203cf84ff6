module "bus" {
  source = "./modules/event-bus"

  name         = local.name
  account      = local.account
  kms_key_arn  = module.key.arn
  roles        = local.roles
  encrypt_bus  = var.encrypt_bus
  archive_days = var.archive_days

  # Workflows publish their steps, whoever else may.
  source_roles = {
    for source, arns in var.event_source_roles : source => concat(
      arns, source == try(local.events[var.workflow_step_event].source, "") ? values(module.workflow)[*].role_arn : []
    )
  }
  publisher_accounts = var.event_publisher_accounts

  rules = {
    for rule, definition in local.rules : rule => merge(definition, {
      targets = {
        for target in local.targets : "${replace(target.kind, "fifo_", "")}-${target.name}" => {
          kind = target.kind
          arn = (
            target.kind == "function" ? var.function_arns[target.name] :
            target.kind == "workflow" ? module.workflow[target.name].arn :
            target.kind == "topic" ? try(module.topic[target.name].arn, module.inputs.event_topics[target.name].arn) :
            target.kind == "stream" ? module.inputs.event_streams[target.name].arn :
            target.kind == "bus" ? var.event_buses[target.name] :
            target.kind == "endpoint" ? aws_cloudwatch_event_api_destination.this[target.name].arn :
            module.queue[target.name].arn
          )
          message_group_id   = target.message_group
          partition_key_path = target.kind == "stream" ? module.inputs.event_streams[target.name].partition_key_path : null
          kms_key_arn = (
            target.kind == "topic" ? try(module.inputs.event_topics[target.name].kms_key_arn, module.key.arn) :
            target.kind == "stream" ? module.inputs.event_streams[target.name].kms_key_arn : null
          )
        } if target.rule == rule
      }
    })
  }
}

# Where an endpoint is. How it is signed in to is in its connection, with the secret, and not here.
resource "aws_cloudwatch_event_api_destination" "this" {
  for_each = module.inputs.event_endpoints

  name                             = "${local.name}-${each.key}"
  description                      = "Events of ${local.name} for ${each.key}"
  invocation_endpoint              = each.value.url
  http_method                      = each.value.method
  invocation_rate_limit_per_second = each.value.max_per_s
  connection_arn                   = each.value.connection_arn
}

# Not rules with a schedule: those exist on the default bus only.
module "schedules" {
  source = "./modules/schedules"

  name            = local.name
  account         = local.account
  kms_key_arn     = module.key.arn
  roles           = local.roles
  dead_letter_arn = module.bus.dead_letter_arn

  schedules = {
    for name, schedule in local.schedules : name => {
      description = schedule.description
      expression  = schedule.cron
      queue_arn   = module.queue[schedule.queue].arn
      input       = jsonencode(schedule.input)
    } if contains(keys(local.queues), schedule.queue) && length(local.cron_faults[name]) == 0
  }
}
