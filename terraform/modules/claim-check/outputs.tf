output "bucket" {
  description = "Name of the bucket. Known at plan time."
  value       = local.bucket

  # Whoever sends to it finds it safe.
  depends_on = [aws_s3_bucket_policy.this, aws_s3_bucket_server_side_encryption_configuration.this]
}

output "bucket_arn" {
  description = "ARN of the bucket. Known at plan time."
  value       = local.bucket_arn
}

output "prefix" {
  description = "What the objects' keys begin with."
  value       = var.prefix
}

output "sender_policy_json" {
  description = "IAM policy (JSON): put payloads there. Attach it to whoever publishes."
  value       = local.sender_policy
}

output "reader_policy_json" {
  description = "IAM policy (JSON): get them. Attach it to whoever handles events."
  value       = local.reader_policy
}

output "bucket_policy_json" {
  description = "Policy of the bucket that is made."
  value       = local.bucket_policy
}

output "settings" {
  description = "How long objects are kept, and whether the bucket may be destroyed with what is in it or at all; null where the bucket is somebody else's. Known at plan time."
  value = one([for bucket in aws_s3_bucket.this : {
    expire_after_days   = var.expire_after_days
    force_destroy       = bucket.force_destroy
    deletion_protection = var.deletion_protection
  }])
}
