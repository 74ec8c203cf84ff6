# The modules by themselves: one event type, from a bus of its own into one queue.
variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"
}

provider "aws" {
  region = var.region
}

data "aws_caller_identity" "this" {}

locals {
  account  = { id = data.aws_caller_identity.this.account_id, region = var.region }
  rule_arn = "arn:aws:events:${var.region}:${local.account.id}:rule/orders/order-placed"
}

module "key" {
  source = "../../modules/kms-key"

  name           = "orders"
  description    = "Events about orders"
  account        = local.account
  service_grants = { EventBridge = { service = "events.amazonaws.com", actions = ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"] } }
}

module "queue" {
  source = "../../modules/sqs-queue"

  name               = "orders-billing"
  account            = local.account
  kms_key_arn        = module.key.arn
  consumer_timeout_s = 30
  senders            = { Orders = { service = "events.amazonaws.com", source_arns = [local.rule_arn] } }
}

module "bus" {
  source = "../../modules/event-bus"

  name        = "orders"
  account     = local.account
  kms_key_arn = module.key.arn

  rules = {
    order-placed = {
      event_pattern = jsonencode({ source = ["shop.orders"], detail-type = ["Order Placed"] })
      targets       = { billing = { kind = "queue", arn = module.queue.arn } }
    }
  }
}

output "queue_url" {
  description = "Where billing receives from."
  value       = module.queue.url
}
