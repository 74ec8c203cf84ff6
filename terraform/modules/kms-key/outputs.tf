output "arn" {
  description = "ARN of the key. Use it, not the alias, in policies."
  value       = var.existing_key_arn == null ? aws_kms_key.this["own"].arn : var.existing_key_arn
}

output "alias" {
  description = "Alias of the key that is made; null with `existing_key_arn`."
  value       = one(values(aws_kms_alias.this)[*].name)
}

output "policy_json" {
  description = "The key policy; with `existing_key_arn` what that key's has to have as well."
  value       = local.policy
}
