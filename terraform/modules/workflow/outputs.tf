output "arn" {
  description = "ARN of the state machine."
  value       = aws_sfn_state_machine.this.arn
}

output "role_arn" {
  description = "ARN of the state machine's role, which publishes the steps."
  value       = aws_iam_role.this.arn
}

output "bucket" {
  description = "Bucket with the workflows' definitions (definitions/<workflow_id>.json) and the records of runs (runs/<workflow_id>/)."
  value       = aws_s3_bucket.this.bucket
}

output "definition" {
  description = "The state machine, in Amazon States Language."
  value       = local.definition
}

output "policy_json" {
  description = "Trust and rights of the state machine's role, and the bucket's policy."
  value = {
    trust  = local.trust
    run    = local.policy
    bucket = local.bucket_policy
  }
}

output "settings" {
  description = "How long logs are kept, whether runs are traced, and whether the bucket may be destroyed with what is in it. Known at plan time."
  value = {
    log_retention_days = aws_cloudwatch_log_group.this.retention_in_days
    xray               = length(aws_sfn_state_machine.this.tracing_configuration) > 0
    force_destroy      = aws_s3_bucket.this.force_destroy
  }
}

output "roles" {
  description = "Roles that are made to path and permissions boundary. Known at plan time."
  value       = { for role in aws_iam_role.this[*] : role.name => { path = role.path, boundary = role.permissions_boundary } }
}
