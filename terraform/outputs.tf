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

output "kms_key_policy" {
  description = "Policy (JSON) of the key: what one of yours, given in `kms_key_arn`, has to let services do."
  value       = module.key.policy_json
}

output "publisher_policies" {
  description = "IAM policy (JSON) per event source: put events on the bus as that source. Attach it to the role of the service."
  value       = local.publisher_policies
}

output "queue_consumer_policies" {
  description = "IAM policy (JSON) per queue: receive, delete and give back its messages. Attach it to the role of the consumer."
  value       = local.queue_consumer_policies
}

output "pat_events_settings" {
  description = "Settings of the package, PAT_EVENTS_* to value, for a task definition or a function's environment: region, and the cluster where there is one."
  value       = local.settings
}

output "pat_events_environment" {
  description = "`pat_events_settings` as shell commands: eval \"$(terraform output -raw pat_events_environment)\" sets up `pat-events` and services."
  value       = join("\n", [for name, value in local.settings : "export ${name}='${value}'"])
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

output "doctor_policy" {
  description = "IAM policy (JSON) of whoever looks whether all is there: bus, rules, queues, topics, key. Changes nothing."
  value       = local.doctor_policy
}

output "claim_check_sender_policy" {
  description = "IAM policy (JSON): put payloads that are too large for a bus into S3; null without `claim_check`. Attach it to the roles of services that publish."
  value       = one(module.claim_check[*].sender_policy_json)
}

output "claim_check_reader_policy" {
  description = "IAM policy (JSON): get them, and learn which are gone; null without `claim_check`. Attach it to the roles of services that consume."
  value       = one(module.claim_check[*].reader_policy_json)
}

output "function_source_policies" {
  description = "IAM policy (JSON) per function of `function_sources`: read its queue or topic, tell of what it gave up. Attach it to the function's role, before the mapping."
  value       = { for name, source in module.function_source : name => source.policy_json }
}

output "unhandled_policy" {
  description = "IAM policy (JSON): tell the queue `unhandled` of events a function gave up; null where none does. Attach it to the roles of `function_failures`, before the apply that names them."
  value       = local.unhandled_policy
}

output "unhandled_url" {
  description = "Queue of what functions gave up; null where none tells."
  value       = one(aws_sqs_queue.unhandled[*].url)
}

output "claim_check" {
  description = "Where payloads go that are too large for a bus: bucket and prefix; null without `claim_check`."
  value       = one([for claims in module.claim_check : { bucket = claims.bucket, prefix = claims.prefix }])
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}
