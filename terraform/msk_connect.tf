locals {
  msk_connect_keys = [
    "connector_properties", "kafkaconnect_version", "s3_prefix_list_id",
    "plugin.bucket_arn", "plugin.key", "plugin.object_version", "plugin.class",
    "flush.records", "flush.interval_s",
    "capacity.mcu_count", "capacity.min_workers", "capacity.max_workers",
    "archive.cold_after_days", "archive.expire_after_days",
  ]
  msk_connect_tables = ["plugin", "flush", "capacity", "archive"]
}

module "msk_connect" {
  source = "./modules/msk-connect-s3"
  count  = var.msk_connect == null ? 0 : 1

  name                 = "${local.name}-archive"
  account              = local.account
  topics               = keys(local.catalog.topics)
  plugin               = var.msk_connect.plugin
  connector_properties = try(var.msk_connect.connector_properties, null)
  kafkaconnect_version = try(var.msk_connect.kafkaconnect_version, null)
  flush                = try(var.msk_connect.flush, null)
  capacity             = try(var.msk_connect.capacity, null)
  archive              = merge(try(var.msk_connect.archive, {}), { force_destroy = var.force_destroy })
  bucket_name          = "${local.name}-archive-${local.account.id}-${var.region}"
  kms_key_arn          = module.key.arn
  roles                = local.roles
  log_retention_days   = var.log_retention_days
  deletion_protection  = var.deletion_protection

  cluster = {
    arn                = module.msk[local.msk_family].arn
    bootstrap_servers  = module.msk[local.msk_family].bootstrap_servers
    security_group_id  = module.msk[local.msk_family].security_group_id
    replication_factor = module.msk[local.msk_family].replication_factor
  }

  network = {
    vpc_id            = var.vpc_id
    subnet_ids        = var.subnet_ids
    s3_prefix_list_id = try(var.msk_connect.s3_prefix_list_id, null)
  }
}
