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

output "settings" {
  description = "How long messages are hidden, delayed and kept, and how often they are delivered. Known at plan time."
  value = {
    visibility_timeout_s = aws_sqs_queue.this.visibility_timeout_seconds
    delay_s              = aws_sqs_queue.this.delay_seconds
    retention_s          = aws_sqs_queue.this.message_retention_seconds
    max_receive_count    = var.max_receive_count
  }
}

output "policy_json" {
  description = "Policies of the queue and of its dead-letter queue."
  value = {
    queue       = local.policy
    dead_letter = local.dlq_policy
  }
}
