output "arn" {
  description = "ARN of the mapping."
  value       = aws_lambda_event_source_mapping.this.arn
}

output "policy_json" {
  description = "IAM policy (JSON) of the function's role: read the source, and tell of failures. AWS refuses the mapping without it."
  value       = local.policy
}

output "settings" {
  description = "What the mapping was given. Known at plan time."
  value = {
    function          = aws_lambda_event_source_mapping.this.function_name
    answer            = aws_lambda_event_source_mapping.this.function_response_types
    batch_size        = aws_lambda_event_source_mapping.this.batch_size
    batching_window_s = aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds
    enabled           = aws_lambda_event_source_mapping.this.enabled
    filters           = var.filters
    max_concurrency   = try(var.queue.max_concurrency, null)
    topic             = try(var.topic.name, null)
    group             = try(var.topic.group, null)
    start             = try(var.topic.start, null)
    pollers           = try("${var.topic.min_pollers}-${var.topic.max_pollers}", null)
    max_retries       = try(var.topic.max_retries, null)
  }
}
