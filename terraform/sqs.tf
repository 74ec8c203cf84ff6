module "queue" {
  source   = "./modules/sqs-queue"
  for_each = local.queues

  name                 = "${local.name}-${each.key}"
  account              = local.account
  kms_key_arn          = module.key.arn
  fifo                 = each.value.fifo
  consumer_timeout_s   = each.value.consumer_timeout_s
  visibility_timeout_s = each.value.visibility_timeout_s
  delay_s              = each.value.delay_s
  retention_s          = 86400 * each.value.retention_days
  max_receive_count    = each.value.max_receive_count
  deletion_protection  = var.deletion_protection

  senders = {
    for service, rules in { Events = [for target in local.targets : target.rule if target.name == each.key && endswith(target.kind, "queue")] } : service => {
      service                      = "events.amazonaws.com"
      source_arns                  = [for rule in rules : local.rule_arns[rule]]
    } if length(rules) > 0
  }
}

# The queues there are, to tell those a plan would delete: a renamed queue takes its messages along.
data "aws_sqs_queues" "existing" {
  count = var.deletion_protection ? 1 : 0

  queue_name_prefix = "${local.name}-"
}

locals {
  existing_queues = [for url in flatten(data.aws_sqs_queues.existing[*].queue_urls) : reverse(split("/", url))[0]]
  # Each has a dead-letter queue beside it, which tells it from queues of others.
  lost_queues = [
    for queue in local.existing_queues : queue
    if contains(local.existing_queues, replace(queue, "/(\\.fifo)?$/", "-dlq$1")) && !contains([for each in values(module.queue) : each.name], queue)
  ]
}

resource "terraform_data" "queues" {
  count = var.deletion_protection ? 1 : 0

  lifecycle {
    precondition {
      condition     = length(local.lost_queues) == 0
      error_message = "deletion_protection: ${join(", ", local.lost_queues)} would be deleted with all messages, because the catalogue has it no more, by this name or as FIFO or not. Put it back; or let consumers empty it, apply with deletion_protection = false while it is there, and then without it."
    }
  }
}
