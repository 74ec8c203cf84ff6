# The cluster's part of monitoring.tf.
locals {
  # Group to the topics it reads; the archive's connector is a group as well.
  msk_readers = merge(
    local.read_by,
    var.msk_connect == null ? {} : { (module.msk_connect[0].consumer_group) = keys(local.catalog.topics) },
  )

  # The archive is behind until it closes a file, so only a second file's time is too much.
  msk_lag_of_group = var.msk_connect == null ? {} : {
    (module.msk_connect[0].consumer_group) = { bounds = ["max_time_s"], max_time_s = 2 * module.msk_connect[0].flush_interval_s }
  }

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
      for topic in topics : "${group}-${topic}" => merge(concat([{ group = group, topic = topic }], [
        # The later ones override what they give.
        for given in [var.msk_lag, try(local.msk_lag_of_group[group], {}), try(var.msk_lag.overrides[group], {}), try(var.msk_lag.overrides["${group}/${topic}"], {})] :
        { for key, value in given : key => value if value != null && key != "overrides" }
      ])...)
    }
  ]...)
  connectors = var.msk_connect == null ? [] : [module.msk_connect[0].connector_name]
}
