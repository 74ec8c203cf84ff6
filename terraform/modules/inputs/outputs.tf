output "msk" {
  description = "`msk` with every part there is."
  value       = var.msk
}

output "msk_successor" {
  description = "`msk_successor` with every part there is, or null."
  value       = var.msk_successor
}

output "msk_lag" {
  description = "`msk_lag` with every part there is."
  value       = var.msk_lag
}

output "msk_connect" {
  description = "`msk_connect` with every part there is, or null."
  value       = var.msk_connect
}

output "claim_check" {
  description = "`claim_check` with every part there is, or null."
  value       = var.claim_check
}

output "function_sources" {
  description = "`function_sources` with every part there is."
  value       = var.function_sources
}

output "event_topics" {
  description = "`event_topics` with every part there is."
  value       = var.event_topics
}

output "event_streams" {
  description = "`event_streams` with every part there is."
  value       = var.event_streams
}

output "event_endpoints" {
  description = "`event_endpoints` with every part there is."
  value       = var.event_endpoints
}
