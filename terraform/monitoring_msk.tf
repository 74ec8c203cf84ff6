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

  # By literal keys: with any other Terraform takes the whole module for used, and monitoring.tf
  # says what comes of that.
  msk_watched = {
    standard   = try({ name = module.msk["standard"].name, brokers = module.msk["standard"].brokers }, null)
    express    = try({ name = module.msk["express"].name, brokers = module.msk["express"].brokers }, null)
    serverless = try({ name = module.msk["serverless"].name, brokers = module.msk["serverless"].brokers }, null)
  }

  msk_alarm_names = {
    for severity in ["critical", "warning"] : severity => flatten([for alarms in module.msk_alarms : alarms.names[severity]])
  }
  msk_alarm_arns = flatten([for alarms in module.msk_alarms : values(alarms.arns)])
  msk_widgets    = flatten([for alarms in module.msk_alarms : alarms.charts])
}

module "msk_alarms" {
  source   = "./modules/msk-alarms"
  for_each = local.msk_clusters

  topic_arns = local.alarm_topic_arns
  thresholds = { for key, value in var.alarm_thresholds : key => value if can(regex("^(broker|cluster)-", key)) }
  cluster = {
    name    = local.msk_watched[each.key].name
    family  = each.key
    brokers = local.msk_watched[each.key].brokers
  }
  lag = merge([
    for group, topics in local.msk_readers : {
      for topic in topics : "${group}-${topic}" => merge(concat([{ group = group, topic = topic }], [
        # The later ones override what they give.
        for given in [module.inputs.msk_lag, try(local.msk_lag_of_group[group], {}), try(module.inputs.msk_lag.overrides[group], {}), try(module.inputs.msk_lag.overrides["${group}/${topic}"], {})] :
        { for key, value in given : key => value if value != null && key != "overrides" }
      ])...)
    }
    # The archive reads the cluster in use.
    if each.key == local.msk_family || contains(keys(local.read_by), group)
  ]...)
  connectors = var.msk_connect == null || each.key != local.msk_family ? [] : [module.msk_connect[0].connector_name]
}
