module "msk_connect" {
  source = "./modules/msk-connect-s3"
  count  = var.msk_connect == null ? 0 : 1

  name                 = "${local.name}-archive"
  account              = local.account
  topics               = keys(local.catalog.topics)
  plugin               = module.inputs.msk_connect.plugin
  connector_properties = module.inputs.msk_connect.connector_properties
  kafkaconnect_version = module.inputs.msk_connect.kafkaconnect_version
  flush                = module.inputs.msk_connect.flush
  capacity             = module.inputs.msk_connect.capacity
  archive              = merge(module.inputs.msk_connect.archive, { force_destroy = var.force_destroy })
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
    s3_prefix_list_id = module.inputs.msk_connect.s3_prefix_list_id
  }
}
