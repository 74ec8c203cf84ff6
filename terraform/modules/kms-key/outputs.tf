output "arn" {
  description = "ARN of the key. Use it, not the alias, in policies."
  value       = aws_kms_key.this.arn
}

output "alias" {
  description = "Alias of the key."
  value       = aws_kms_alias.this.name
}

output "policy_json" {
  description = "The key policy."
  value       = local.policy
}
