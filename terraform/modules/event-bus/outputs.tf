output "arn" {
  description = "ARN of the bus."
  value       = aws_cloudwatch_event_bus.this.arn
}

output "name" {
  description = "Name of the bus. Known at plan time."
  value       = var.name
}

output "rule_arns" {
  description = "Rule name to ARN, for the policies of queues. Known at plan time."
  value       = local.rule_arns
}

output "archive_arn" {
  description = "ARN of the archive, that `pat-events replay start` begins with."
  value       = "arn:${local.arn_scope}:archive/${local.archive_name}"

  depends_on = [aws_cloudformation_stack.archive, aws_cloudwatch_event_archive.this]
}

output "dead_letter_arn" {
  description = "ARN of the queue for what no target took."
  value       = aws_sqs_queue.dead_letter.arn
}

output "dead_letter_url" {
  description = "URL of the queue for what no target took."
  value       = aws_sqs_queue.dead_letter.url
}

output "dead_letter_name" {
  description = "Name of the queue for what no target took. Known at plan time."
  value       = local.dead_letter_name
}

output "policy_json" {
  description = "Policies: the bus's (null where it has none), the dead-letter queue's, and trust and rights of the role by which rules deliver."
  value = {
    bus           = local.bus_policy
    dead_letter   = local.dead_letter_policy
    deliver_trust = local.deliver_trust
    deliver       = local.deliver_policy
  }
}

output "archive_days" {
  description = "Days every event of the bus is kept for replay. Known at plan time."
  value       = var.archive_days
}

output "targets" {
  description = "Rule and target to what its events get there: message group, path of the partition key, template of their other form; without those that have none. Known at plan time."
  value = {
    for key, target in aws_cloudwatch_event_target.this : key => join(" ", compact([
      try(target.sqs_target[0].message_group_id, null), try(target.kinesis_target[0].partition_key_path, null), try(target.input_transformer[0].input_template, null)
    ]))
  }
}

output "encrypted" {
  description = "Whether events on the bus and in its archive are encrypted with the key. Known at plan time."
  value       = aws_cloudwatch_event_bus.this.kms_key_identifier == var.kms_key_arn
}

output "roles" {
  description = "Roles that are made to path and permissions boundary. Known at plan time."
  value       = { for role in aws_iam_role.deliver : role.name => { path = role.path, boundary = role.permissions_boundary } }
}
