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
