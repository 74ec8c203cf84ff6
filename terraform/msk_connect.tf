module "msk_connect" {
  source = "./modules/msk-connect-s3"
  count  = var.msk_connect == null ? 0 : 1

  name                 = "${local.name}-archive"
  account              = local.account
  topics               = keys(local.catalog.topics)
  plugin               = var.msk_connect.plugin
  connector_properties = var.msk_connect.connector_properties
  kafkaconnect_version = var.msk_connect.kafkaconnect_version
  flush                = var.msk_connect.flush
  capacity             = var.msk_connect.capacity
  archive              = merge(var.msk_connect.archive, { force_destroy = var.force_destroy })
  bucket_name          = "${local.name}-archive-${local.account.id}-${var.region}"
  kms_key_arn          = module.key.arn
  log_retention_days   = var.log_retention_days
  deletion_protection  = var.deletion_protection

  cluster = {
    arn                = module.msk[0].arn
    bootstrap_servers  = module.msk[0].bootstrap_servers
    security_group_id  = module.msk[0].security_group_id
    replication_factor = module.msk[0].replication_factor
  }

  network = {
    vpc_id            = var.vpc_id
    subnet_ids        = var.subnet_ids
    s3_prefix_list_id = var.msk_connect.s3_prefix_list_id
  }
}
