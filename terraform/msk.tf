locals {
  msk_keys = {
    msk         = ["family", "kafka_version", "brokers", "replication", "retention_days", "server_properties", "monitoring", "client_security_groups", "scraper_security_groups"]
    brokers     = ["instance_type", "count", "volume_gib", "max_volume_gib", "tiered_storage"]
    replication = ["factor", "min_in_sync"]
    monitoring  = ["level", "broker_logs"]
  }
}

module "msk" {
  source = "./modules/msk-cluster"
  count  = var.enable_msk ? 1 : 0

  name              = "${local.name}-events"
  family            = try(var.msk.family, null)
  kafka_version     = try(var.msk.kafka_version, null)
  brokers           = try(var.msk.brokers, {})
  replication       = try(var.msk.replication, {})
  retention_days    = try(var.msk.retention_days, null)
  server_properties = try(var.msk.server_properties, {})
  monitoring        = merge(try(var.msk.monitoring, {}), { log_retention_days = var.log_retention_days })
  kms_key_arn       = module.key.arn

  deletion_protection = var.deletion_protection

  network = {
    vpc_id                  = var.vpc_id
    subnet_ids              = var.subnet_ids
    client_security_groups  = try(var.msk.client_security_groups, {})
    scraper_security_groups = try(var.msk.scraper_security_groups, {})
    functions               = length(local.topic_sources) > 0
  }
}

# Roles are the services' own; these are the policies to attach to them.
module "msk_iam" {
  source = "./modules/msk-iam"
  count  = var.enable_msk ? 1 : 0

  cluster_arn = module.msk[0].arn
  events      = local.events
  groups      = try(local.catalog.groups, {})
}
