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
            module.queue[target.name].arn
          )
          message_group_id = target.message_group
        } if target.rule == rule
      }
    })
  }
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
