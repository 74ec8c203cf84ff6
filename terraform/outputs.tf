output "event_bus" {
  description = "The bus: its name, ARN, archive, and the queue of events no target took."
  value = {
    name            = module.bus.name
    arn             = module.bus.arn
    archive_arn     = module.bus.archive_arn
    undelivered_url = module.bus.dead_letter_url
  }
}

output "queues" {
  description = "Queue of the catalogue to its URLs and ARNs."
  value = {
    for name, queue in module.queue : name => {
      url             = queue.url
      arn             = queue.arn
      dead_letter_url = queue.dead_letter_url
      dead_letter_arn = queue.dead_letter_arn
    }
  }
}

output "sns_topics" {
  description = "SNS topic to ARN."
  value       = { for name, topic in module.topic : name => topic.arn }
}

output "workflows" {
  description = "Workflow of the catalogue to its state machine and its bucket of definitions and records."
  value       = { for name, workflow in module.workflow : name => { arn = workflow.arn, bucket = workflow.bucket } }
}

output "targets" {
  description = "What is delivered where: every pair of rule and target."
  value       = local.targets
}

output "rules" {
  description = "Rule to its event pattern."
  value       = { for name, rule in local.rules : name => jsondecode(rule.event_pattern) }
}

output "kms_key_arn" {
  description = "Key of bus, queues and topics."
  value       = module.key.arn
}

output "publisher_policies" {
  description = "IAM policy (JSON) per event source: put events on the bus as that source. Attach it to the role of the service."
  value       = local.publisher_policies
}

output "queue_consumer_policies" {
  description = "IAM policy (JSON) per queue: receive, delete and give back its messages. Attach it to the role of the consumer."
  value       = local.queue_consumer_policies
}

output "queue_sender_policies" {
  description = "IAM policy (JSON) per queue: send to it, past the bus. Attach it to the role of the sender."
  value       = local.queue_sender_policies
}

output "user_notifications_policy" {
  description = "IAM policy (JSON): publish to the topic `user-notifications`. Attach it to the role of the service that notifies."
  value       = local.user_notifications_policy
}

output "dead_letter_policy" {
  description = "IAM policy (JSON) of an operator: read and delete dead letters of the queues and of the bus, give those of the queues back."
  value       = local.dead_letter_policy
}

output "replay_policy" {
  description = "IAM policy (JSON) of an operator: replay the bus's archive. The replay's name has to begin with the bus's name and a `-`."
  value       = local.replay_policy
}

output "archive_reader_policy" {
  description = "IAM policy (JSON): read the archive of the topics in S3; null without `msk_connect`."
  value       = local.archive_reader_policy
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}
