output "pat_events_config" {
  description = "What services and `pat-events topics apply` need to reach the cluster; null without MSK."
  value = var.enable_msk ? {
    bootstrap_servers   = module.msk[local.msk_family].bootstrap_servers
    security_protocol   = "SASL_SSL"
    sasl_mechanism      = "OAUTHBEARER"
    region              = var.region
    replication_factor  = module.msk[local.msk_family].replication_factor
    min_insync_replicas = module.msk[local.msk_family].min_insync_replicas
  } : null
}

output "msk" {
  description = "The cluster: ARN, name, family, the brokers' security group and log group, their configuration; null without MSK."
  value = var.enable_msk ? {
    arn               = module.msk[local.msk_family].arn
    name              = module.msk[local.msk_family].name
    family            = module.msk[local.msk_family].family
    security_group_id = module.msk[local.msk_family].security_group_id
    log_group_name    = module.msk[local.msk_family].log_group_name
    configuration     = module.msk[local.msk_family].configuration

    other_bootstrap_servers = module.msk[local.msk_family].other_bootstrap_servers
  } : null
}

output "msk_successor" {
  description = "The cluster that clients move to: its addresses, family, ARN, name, and what its topics are created with; null without `msk_successor`."
  value = var.msk_successor == null ? null : {
    for family in setsubtract(keys(local.msk_clusters), [local.msk_family]) : "cluster" => {
      bootstrap_servers   = module.msk[family].bootstrap_servers
      family              = family
      arn                 = module.msk[family].arn
      name                = module.msk[family].name
      security_group_id   = module.msk[family].security_group_id
      replication_factor  = module.msk[family].replication_factor
      min_insync_replicas = module.msk[family].min_insync_replicas
    }
  }.cluster
}

output "kafka_producer_policies" {
  description = "IAM policy (JSON) per event source: write the topics of its events. Attach it to the role of the service."
  value       = try(module.msk_iam[0].producer_policy_jsons, {})
}

output "kafka_consumer_policies" {
  description = "IAM policy (JSON) per consumer group: read its topics, write what it publishes and its dead letters; its retry topics. Attach it to the role of the service."
  value       = try(module.msk_iam[0].consumer_policy_jsons, {})
}

output "kafka_topic_admin_policy" {
  description = "IAM policy (JSON) of whoever runs `pat-events topics apply`; null without MSK."
  value       = one(module.msk_iam[*].topic_admin_policy_json)
}

output "kafka_operator_policy" {
  description = "IAM policy (JSON) of an operator: lag, dead letters; null without MSK."
  value       = one(module.msk_iam[*].operator_policy_json)
}

output "kafka_replay_policy" {
  description = "IAM policy (JSON) of an operator who replays dead letters, beside `kafka_operator_policy`: retry topics, and those that tell who did; null without MSK."
  value       = one(module.msk_iam[*].replay_policy_json)
}

output "event_archive" {
  description = "The archive of all topics: its bucket, the connector and the topic of events that could not be archived; null without `msk_connect`."
  value = one([
    for archive in module.msk_connect : {
      bucket            = archive.bucket
      connector_arn     = archive.connector_arn
      dead_letter_topic = archive.dead_letter_topic
    }
  ])
}
