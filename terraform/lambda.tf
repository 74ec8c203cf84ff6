locals {
  topic_sources = { for name, source in module.inputs.function_sources : name => source if source.topic != null }

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
  for_each = module.inputs.function_sources

  function_arn      = each.value.function_arn
  kms_key_arn       = module.key.arn
  batch_size        = each.value.batch_size
  batching_window_s = each.value.batching_window_s
  filters           = each.value.filters
  enabled           = each.value.enabled
  on_failure_arn    = one([for queue in aws_sqs_queue.unhandled : queue.arn if each.value.topic != null])

  queue = each.value.queue == null ? null : {
    arn             = module.queue[each.value.queue].arn
    max_concurrency = each.value.max_concurrency
  }
  topic = each.value.topic == null ? null : {
    cluster_arn = module.msk[local.msk_family].arn
    name        = each.value.topic
    group       = each.value.group
    start       = each.value.start
    min_pollers = each.value.min_pollers
    max_pollers = each.value.max_pollers
    max_retries = each.value.max_retries
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
