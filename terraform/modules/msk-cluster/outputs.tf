output "arn" {
  description = "ARN of the cluster; topic, group and transaction ARNs of IAM policies derive from it."
  value       = one(concat(values(aws_msk_cluster.this)[*].arn, values(aws_msk_serverless_cluster.this)[*].arn))
}

output "name" {
  description = "Name of the cluster, the `Cluster Name` dimension of its metrics."
  value       = var.name
}

output "family" {
  description = "`standard`, `express` or `serverless`."
  value       = var.family
}

output "bootstrap_servers" {
  description = "Addresses for clients that authenticate with SASL/IAM."
  value       = one(concat(values(aws_msk_cluster.this)[*].bootstrap_brokers_sasl_iam, values(aws_msk_serverless_cluster.this)[*].bootstrap_brokers_sasl_iam))
}

output "other_bootstrap_servers" {
  description = "Addresses for clients that authenticate with SCRAM (`scram`) or a certificate (`tls`), or come from other accounts by PrivateLink (`private`); null where there is none."
  value = {
    scram = length(var.authentication.scram_secret_arns) > 0 ? one(values(aws_msk_cluster.this)[*].bootstrap_brokers_sasl_scram) : null
    tls   = length(var.authentication.tls_ca_arns) > 0 ? one(values(aws_msk_cluster.this)[*].bootstrap_brokers_tls) : null
    # Of those who come by PrivateLink.
    private = length(var.private_accounts) > 0 ? one(values(aws_msk_cluster.this)[*].bootstrap_brokers_vpc_connectivity_sasl_iam) : null
  }
}

output "security_group_id" {
  description = "Security group of the brokers."
  value       = aws_security_group.this.id
}

output "brokers" {
  description = "What alarms need to know: number and type of the brokers and the monitoring level; null for `serverless`."
  value = var.family == "serverless" ? null : {
    count            = var.brokers.count
    instance_type    = local.instance_type
    monitoring_level = var.monitoring.level

    volume_throughput_mibps = var.brokers.volume_throughput_mibps
  }
}

output "replication_factor" {
  description = "Copies of each partition, for `pat-events topics apply --replication`."
  value       = var.replication.factor
}

output "min_insync_replicas" {
  description = "Copies that must have a write before it is acknowledged."
  value       = var.replication.min_in_sync
}

output "configuration" {
  description = "ARN and revision of the broker configuration; null for `serverless`."
  value       = one([for configuration in aws_msk_configuration.this : { arn = configuration.arn, revision = configuration.latest_revision }])
}

output "log_group_name" {
  description = "Log group of the brokers; null where they send none."
  value       = one(values(aws_cloudwatch_log_group.brokers)[*].name)
}

output "let_in" {
  description = "Security groups, addresses and prefix lists that may reach the brokers, by rule. Known at plan time where they are."
  value = merge(
    { for name, rule in aws_vpc_security_group_ingress_rule.this : name => coalesce(rule.referenced_security_group_id, rule.cidr_ipv4, rule.prefix_list_id) },
    { for rule in aws_vpc_security_group_ingress_rule.functions : "functions/9098" => rule.referenced_security_group_id },
  )
}

output "settings" {
  description = "Kafka's version, the brokers' properties, how they are watched and how long logs are kept; null for a serverless cluster. Known at plan time."
  value = one([
    for cluster in aws_msk_cluster.this : {
      kafka_version      = cluster.kafka_version
      properties         = local.server_properties
      monitoring         = cluster.enhanced_monitoring
      subnet_ids         = cluster.broker_node_group_info[0].client_subnets
      log_retention_days = one(values(aws_cloudwatch_log_group.brokers)[*].retention_in_days)
      log_targets        = compact([var.monitoring.log_bucket, var.monitoring.log_firehose])
      authentication     = concat(tolist(var.authentication.scram_secret_arns), tolist(var.authentication.tls_ca_arns))
    }
  ])
}

output "shared_with" {
  description = "Other accounts that may reach the brokers by PrivateLink. Known at plan time."
  value       = length(aws_msk_cluster_policy.this) > 0 ? var.private_accounts : toset([])
}
