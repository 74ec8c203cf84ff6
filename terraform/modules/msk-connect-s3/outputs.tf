output "connector_arn" {
  description = "ARN of the connector."
  value       = aws_mskconnect_connector.archive.arn
}

output "connector_name" {
  description = "Name of the connector, the `ConnectorName` dimension of its metrics. Known at plan time."
  # From the input: alarms are created before they are destroyed and would hand that on to
  # what they depend on, but a connector cannot be there twice under one name.
  value = var.name
}

output "consumer_group" {
  description = "Group in which the connector commits its offsets, for lag alarms."
  value       = local.consumer_group
}

output "flush_interval_s" {
  description = "Seconds after which a file is closed and its offsets are committed."
  value       = var.flush.interval_s
}

output "dead_letter_topic" {
  description = "Topic of events that could not be archived; Kafka Connect creates it."
  value       = local.dead_letter_topic
}

output "bucket" {
  description = "The archive's bucket: name and ARN."
  value       = { name = aws_s3_bucket.archive.bucket, arn = local.bucket_arn }
}

output "log_group_name" {
  description = "Log group of the workers."
  value       = aws_cloudwatch_log_group.workers.name
}

output "role_policy_json" {
  description = "What the connector's role may do."
  value       = local.role_policy
}

output "trust_policy_json" {
  description = "Who may assume the connector's role."
  value       = local.trust_policy
}

output "bucket_policy_json" {
  description = "Policy of the archive's bucket."
  value       = local.bucket_policy
}

output "settings" {
  description = "Version, properties and workers of the connector, how long objects are kept, the way to S3, how long logs are kept, and whether the bucket may be destroyed with what is in it. Known at plan time."
  value = {
    version            = aws_mskconnect_connector.archive.kafkaconnect_version
    properties         = aws_mskconnect_connector.archive.connector_configuration
    max_workers        = aws_mskconnect_connector.archive.capacity[0].autoscaling[0].max_worker_count
    expire_after_days  = var.archive.expire_after_days
    s3_prefix_list_id  = aws_vpc_security_group_egress_rule.s3.prefix_list_id
    log_retention_days = aws_cloudwatch_log_group.workers.retention_in_days
    force_destroy      = aws_s3_bucket.archive.force_destroy
  }
}

output "roles" {
  description = "Roles that are made to path and permissions boundary. Known at plan time."
  value       = { for role in aws_iam_role.connector[*] : role.name => { path = role.path, boundary = role.permissions_boundary } }
}
