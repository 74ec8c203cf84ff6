locals {
  function_source_keys = [
    "function_arn", "queue", "max_concurrency", "topic", "group", "start", "min_pollers", "max_pollers", "max_retries",
    "batch_size", "batching_window_s", "filters", "enabled",
  ]

  topic_sources = { for name, source in var.function_sources : name => source if can(source.topic) }

  # ARN of the function, then its alias or version if the input names one.
  failing_functions = {
    for name in var.function_failures : name => regex("^(?P<function>.+:function:[^:]+)(?::(?P<qualifier>.+))?$", var.function_arns[name])
  }

  unhandled      = length(local.topic_sources) + length(local.failing_functions) > 0
  unhandled_name = "${local.name}-unhandled"
  unhandled_arn  = "arn:${local.account.partition}:sqs:${var.region}:${local.account.id}:${local.unhandled_name}"
}

# Functions that read; those a rule invokes are in eventbridge.tf.
module "function_source" {
  source   = "./modules/function-source"
  for_each = var.function_sources

  function_arn      = each.value.function_arn
  kms_key_arn       = module.key.arn
  batch_size        = try(each.value.batch_size, null)
  batching_window_s = try(each.value.batching_window_s, null)
  filters           = [for filter in try(each.value.filters, []) : jsonencode(filter)]
  enabled           = try(each.value.enabled, true)
  on_failure_arn    = one([for queue in aws_sqs_queue.unhandled : queue.arn if can(each.value.topic)])

  queue = !can(each.value.queue) ? null : {
    arn             = module.queue[each.value.queue].arn
    max_concurrency = try(each.value.max_concurrency, null)
  }
  topic = !can(each.value.topic) ? null : {
    cluster_arn = module.msk[local.msk_family].arn
    name        = each.value.topic
    group       = each.value.group
    start       = try(each.value.start, null)
    min_pollers = try(each.value.min_pollers, null)
    max_pollers = try(each.value.max_pollers, null)
    max_retries = try(each.value.max_retries, null)
  }
}

# What functions gave up: places of a topic's records, and whole events of those that rules invoke.
resource "aws_sqs_queue" "unhandled" {
  count = local.unhandled ? 1 : 0

  name                      = local.unhandled_name
  message_retention_seconds = 1209600
  receive_wait_time_seconds = 20
  kms_master_key_id         = module.key.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyWithoutTLS"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = local.unhandled_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_lambda_function_event_invoke_config" "this" {
  for_each = local.failing_functions

  function_name = each.value.function
  qualifier     = each.value.qualifier

  destination_config {
    on_failure {
      destination = aws_sqs_queue.unhandled[0].arn
    }
  }
}
