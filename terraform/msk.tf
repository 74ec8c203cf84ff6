module "msk" {
  source = "./modules/msk-cluster"
  count  = var.enable_msk ? 1 : 0

  name              = "${local.name}-events"
  family            = var.msk.family
  kafka_version     = var.msk.kafka_version
  brokers           = var.msk.brokers
  replication       = var.msk.replication
  retention_days    = var.msk.retention_days
  server_properties = var.msk.server_properties
  monitoring        = merge(var.msk.monitoring, { log_retention_days = var.log_retention_days })
  kms_key_arn       = module.key.arn

  network = {
    vpc_id                  = var.vpc_id
    subnet_ids              = var.subnet_ids
    client_security_groups  = var.msk.client_security_groups
    scraper_security_groups = var.msk.scraper_security_groups
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
