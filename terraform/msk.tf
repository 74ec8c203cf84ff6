locals {
  # Family to its cluster: the one in use, and beside it, while clients move, its successor. By
  # family, so that the successor stays what it is when it is the one in use.
  msk_family = module.inputs.msk.family
  msk_clusters = merge(concat(
    [{}],
    [for cluster in [module.inputs.msk] : { (local.msk_family) = cluster } if var.enable_msk],
    [for cluster in module.inputs.msk_successor[*] : { (cluster.family) = cluster } if var.enable_msk],
  )...)
}

module "msk" {
  source   = "./modules/msk-cluster"
  for_each = local.msk_clusters

  name              = each.key == "standard" ? "${local.name}-events" : "${local.name}-events-${each.key}"
  family            = each.key
  kafka_version     = each.value.kafka_version
  brokers           = each.value.brokers
  replication       = each.value.replication
  retention_days    = each.value.retention_days
  server_properties = each.value.server_properties
  monitoring        = merge(each.value.monitoring, { log_retention_days = var.log_retention_days })
  authentication    = each.value.authentication
  private_accounts  = coalesce(each.value.private_accounts, module.inputs.msk.private_accounts)
  kms_key_arn       = module.key.arn

  deletion_protection = var.deletion_protection

  network = {
    vpc_id                  = var.vpc_id
    subnet_ids              = var.subnet_ids
    client_security_groups  = coalesce(each.value.client_security_groups, module.inputs.msk.client_security_groups)
    client_cidrs            = coalesce(each.value.client_cidrs, module.inputs.msk.client_cidrs)
    client_prefix_lists     = coalesce(each.value.client_prefix_lists, module.inputs.msk.client_prefix_lists)
    scraper_security_groups = coalesce(each.value.scraper_security_groups, module.inputs.msk.scraper_security_groups)
    functions               = length(local.topic_sources) > 0
  }
}

# Roles are the services' own; these are the policies to attach to them.
module "msk_iam" {
  source = "./modules/msk-iam"
  count  = var.enable_msk ? 1 : 0

  cluster_arns = [for family in keys(local.msk_clusters) : module.msk[family].arn]
  events       = local.events
  groups       = try(local.catalog.groups, {})
}
