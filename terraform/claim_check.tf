locals {
  # The longest an event can name its payload: in a topic and then as a dead letter, or in the
  # bus's archive and then in a queue and its dead-letter queue, which of FIFO begins to count anew.
  event_days = max(
    max([for topic in try(local.catalog.topics, {}) : try(floor(topic.retention_days), 0)]...) + try(floor(local.catalog.dead_letters.retention_days), 0),
    var.archive_days + max(0, values(local.queues)[*].retention_days...) + 14,
  )
}

# Payloads above a bus's limit; their events carry where they are.
module "claim_check" {
  source = "./modules/claim-check"
  count  = var.claim_check == null ? 0 : 1

  account             = local.account
  bucket_name         = module.inputs.claim_check.bucket != null ? null : "${local.name}-claims-${local.account.id}-${var.region}"
  existing_bucket     = module.inputs.claim_check.bucket
  prefix              = module.inputs.claim_check.prefix
  expire_after_days   = coalesce(module.inputs.claim_check.expire_after_days, local.event_days + 1)
  kms_key_arn         = module.key.arn
  force_destroy       = var.force_destroy
  deletion_protection = var.deletion_protection
}
