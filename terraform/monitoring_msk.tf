# The cluster's part of monitoring.tf.
locals {
  # Group to the topics it reads; the archive's connector is a group as well.
  msk_readers = merge(
    {
      for name, group in try(local.catalog.groups, {}) : name => distinct([for event in group.consumes : local.catalog.events[event].topic])
    },
    { for connector in module.msk_connect : connector.consumer_group => keys(local.catalog.topics) },
  )

  msk_alarm_names = try(module.msk_alarms[0].names, { critical = [], warning = [] })
  msk_alarm_arns  = flatten([for alarms in module.msk_alarms : values(alarms.arns)])
  msk_widgets     = try(module.msk_alarms[0].charts, [])
}

module "msk_alarms" {
  source = "./modules/msk-alarms"
  count  = var.enable_msk ? 1 : 0

  topic_arns = local.alarm_topic_arns
  cluster = {
    name    = module.msk[0].name
    family  = module.msk[0].family
    brokers = module.msk[0].brokers
  }
  lag = merge([
    for group, topics in local.msk_readers : {
      for topic in topics : "${group}-${topic}" => merge(var.msk_lag, { group = group, topic = topic })
    }
  ]...)
  connectors = module.msk_connect[*].connector_name
}
