output "producer_policy_jsons" {
  description = "Source of events => policy of the service that publishes them."
  value       = local.producer_policy_jsons

  precondition {
    condition     = alltrue([for json in local.producer_policy_jsons : length(json) <= local.max_policy_chars])
    error_message = "A producer's policy is longer than the 6144 characters IAM allows; give some of its events another source, or shorter topic names."
  }
}

output "consumer_policy_jsons" {
  description = "Consumer group => policy of the service that runs it: its topics, what its handlers publish, its dead-letter and retry topics, its offsets."
  value       = local.consumer_policy_jsons

  precondition {
    condition     = alltrue([for json in local.consumer_policy_jsons : length(json) <= local.max_policy_chars])
    error_message = "A consumer group's policy is longer than the 6144 characters IAM allows; split the group or use shorter topic names."
  }
}

output "topic_admin_policy_json" {
  description = "Policy of whoever runs `pat-events topics apply`: may create and change the catalogue's topics, the dead-letter, retry and audit topics, and delete none."
  value       = local.topic_admin_policy_json

  precondition {
    condition     = length(local.topic_admin_policy_json) <= local.max_policy_chars
    error_message = "The topic administrator's policy is longer than the 6144 characters IAM allows; use shorter names for topics, groups or the cluster, or split the catalogue over two clusters."
  }
}

output "operator_policy_json" {
  description = "Policy of an operator: lag of the catalogue's groups, reading dead letters."
  value       = local.operator_policy_json

  precondition {
    condition     = length(local.operator_policy_json) <= local.max_policy_chars
    error_message = "The operator's policy is longer than the 6144 characters IAM allows; use shorter names for topics, groups or the cluster, or split the catalogue over two clusters."
  }
}

output "replay_policy_json" {
  description = "Policy of an operator who replays dead letters, beside `operator_policy_json`: retry and audit topics."
  value       = local.replay_policy_json

  precondition {
    condition     = length(local.replay_policy_json) <= local.max_policy_chars
    error_message = "The policy for replays is longer than the 6144 characters IAM allows; use shorter names for topics, groups or the cluster, or split the catalogue over two clusters."
  }
}

output "topics" {
  description = "Every topic the policies name: the catalogue's, the dead-letter, retry and audit topics."
  value       = concat(local.topics, local.dead_letters, local.retries, local.audits)
}
