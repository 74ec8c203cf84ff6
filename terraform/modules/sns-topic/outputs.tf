output "arn" {
  description = "ARN of the topic."
  value       = aws_sns_topic.this.arn
}

output "name" {
  description = "Name of the topic. Known at plan time."
  value       = var.name
}

output "policy_json" {
  description = "The topic's policy."
  value       = local.policy
}

output "subscriptions" {
  description = "Who receives the topic's messages, as protocol and endpoint. Known at plan time."
  value       = { for name, subscription in aws_sns_topic_subscription.this : name => "${subscription.protocol} ${subscription.endpoint}" }
}
