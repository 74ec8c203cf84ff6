locals {
  # Keys of inputs whose type is any, because Terraform drops what a type does not name.
  msk_keys = [
    "family", "kafka_version", "retention_days", "server_properties",
    "client_security_groups", "client_cidrs", "client_prefix_lists", "scraper_security_groups",
    "brokers.instance_type", "brokers.count", "brokers.volume_gib", "brokers.max_volume_gib", "brokers.volume_throughput_mibps", "brokers.tiered_storage",
    "authentication.scram_secret_arns", "authentication.tls_ca_arns",
    "replication.factor", "replication.min_in_sync",
    "monitoring.level", "monitoring.broker_logs", "monitoring.log_bucket", "monitoring.log_firehose",
  ]
  msk_tables = ["brokers", "replication", "monitoring", "authentication"]

  # Family to its cluster: the one in use, and beside it, while clients move, its successor. By
  # family, so that the successor stays what it is when it is the one in use.
  msk_family = try(coalesce(var.msk.family), "standard")
  msk_clusters = merge(concat(
    [{}],
    [for cluster in [var.msk] : { (local.msk_family) = cluster } if var.enable_msk],
    [for cluster in var.msk_successor[*] : { (try(cluster.family, "standard")) = cluster } if var.enable_msk],
  )...)
}

module "msk" {
  source   = "./modules/msk-cluster"
  for_each = local.msk_clusters

  name              = each.key == "standard" ? "${local.name}-events" : "${local.name}-events-${each.key}"
  family            = each.key
  kafka_version     = try(each.value.kafka_version, null)
  brokers           = try(each.value.brokers, {})
  replication       = try(each.value.replication, {})
  retention_days    = try(each.value.retention_days, null)
  server_properties = try(each.value.server_properties, {})
  monitoring        = merge(try(each.value.monitoring, {}), { log_retention_days = var.log_retention_days })
  authentication    = try(each.value.authentication, {})
  kms_key_arn       = module.key.arn

  deletion_protection = var.deletion_protection

  network = {
    vpc_id                  = var.vpc_id
    subnet_ids              = var.subnet_ids
    client_security_groups  = try(each.value.client_security_groups, var.msk.client_security_groups, {})
    client_cidrs            = try(each.value.client_cidrs, var.msk.client_cidrs, {})
    client_prefix_lists     = try(each.value.client_prefix_lists, var.msk.client_prefix_lists, {})
    scraper_security_groups = try(each.value.scraper_security_groups, var.msk.scraper_security_groups, {})
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
