output "arn" {
  description = "ARN of the queue."
  value       = aws_sqs_queue.this.arn
}

output "url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.this.url
}

output "name" {
  description = "Name of the queue, with `.fifo` where it has one. Known at plan time."
  value       = local.name
}

output "dead_letter_arn" {
  description = "ARN of the dead-letter queue."
  value       = aws_sqs_queue.dead_letter.arn
}

output "dead_letter_url" {
  description = "URL of the dead-letter queue."
  value       = aws_sqs_queue.dead_letter.url
}

output "dead_letter_name" {
  description = "Name of the dead-letter queue. Known at plan time."
  value       = local.dlq_name
}

output "policy_json" {
  description = "Policies of the queue and of its dead-letter queue."
  value = {
    queue       = local.policy
    dead_letter = local.dlq_policy
  }
}
