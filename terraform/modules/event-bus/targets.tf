# Where rules hand events on, and by which right.
locals {
  # EventBridge hands an event on to another bus as it is.
  targets = merge([
    for rule_name, rule in var.rules : {
      for id, target in rule.targets : "${rule_name}/${id}" => merge(target, { rule = rule_name, id = id, transform = target.kind == "bus" ? null : rule.transform })
    }
  ]...)
  functions = {
    # ARN of the function, then its alias or version if the target names one.
    for key, target in local.targets : key => merge(target, regex("^(?P<function>.+:function:[^:]+)(?::(?P<qualifier>.+))?$", target.arn)) if target.kind == "function"
  }

  # What is reached by the role, and what that may do there. Queues and functions are not: they say in
  # their own policy which rule may send.
  rights = {
    workflow = { sid = "StartWorkflows", actions = ["states:StartExecution"] }
    topic    = { sid = "PublishToTopics", actions = ["sns:Publish"] }
    stream   = { sid = "PutToStreams", actions = ["kinesis:PutRecord", "kinesis:PutRecords"] }
    bus      = { sid = "ForwardToBuses", actions = ["events:PutEvents"] }
    endpoint = { sid = "CallEndpoints", actions = ["events:InvokeApiDestination"] }
  }
  # Kinds whose content is encrypted with a key of the target's.
  encrypting = { topic = { service = "sns", actions = ["kms:Decrypt", "kms:GenerateDataKey"] }, stream = { service = "kinesis", actions = ["kms:GenerateDataKey"] } }

  # What an ARN of that kind has in it.
  arn_forms = { topic = ":sns:", stream = ":kinesis:.*:stream/", bus = ":events:.*:event-bus/", endpoint = ":events:.*:api-destination/" }

  by_role = { for key, target in local.targets : key => target if can(local.rights[target.kind]) }

  deliver_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account.id }
        ArnEquals    = { "aws:SourceArn" = distinct([for target in local.by_role : local.rule_arns[target.rule]]) }
      }
    }]
  })
  deliver_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for kind, right in local.rights : {
        Sid      = right.sid
        Effect   = "Allow"
        Action   = right.actions
        Resource = distinct([for target in local.by_role : target.arn if target.kind == kind])
      } if contains(values(local.by_role)[*].kind, kind)],
      [for kind, encrypting in local.encrypting : {
        Sid       = "EncryptFor${title(encrypting.service)}"
        Effect    = "Allow"
        Action    = encrypting.actions
        Resource  = distinct([for target in local.by_role : target.kms_key_arn if target.kind == kind && target.kms_key_arn != null])
        Condition = { StringEquals = { "kms:ViaService" = "${encrypting.service}.${var.account.region}.amazonaws.com" } }
      } if length([for target in local.by_role : target if target.kind == kind && target.kms_key_arn != null]) > 0],
    )
  })
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.targets

  rule           = aws_cloudwatch_event_rule.this[each.value.rule].name
  event_bus_name = aws_cloudwatch_event_bus.this.name
  target_id      = each.value.id
  arn            = each.value.arn
  # Queues and functions say in their own policy who may send. A role there would be
  # used instead of that policy and fails on encrypted queues.
  role_arn = can(local.rights[each.value.kind]) ? aws_iam_role.deliver[0].arn : null

  dead_letter_config {
    arn = aws_sqs_queue.dead_letter.arn
  }

  retry_policy {
    maximum_event_age_in_seconds = var.retry.max_age_s
    maximum_retry_attempts       = var.retry.max_attempts
  }

  dynamic "input_transformer" {
    for_each = each.value.transform[*]
    content {
      input_paths    = input_transformer.value.paths
      input_template = input_transformer.value.template
    }
  }

  dynamic "sqs_target" {
    for_each = each.value.message_group_id == null ? [] : [each.value.message_group_id]
    content {
      message_group_id = sqs_target.value
    }
  }

  dynamic "kinesis_target" {
    for_each = each.value.partition_key_path == null ? [] : [each.value.partition_key_path]
    content {
      partition_key_path = kinesis_target.value
    }
  }
}

resource "aws_lambda_permission" "rule" {
  for_each = local.functions

  statement_id = replace("${var.name}-${each.value.rule}-${each.value.id}", ".", "-")
  # Apart: AWS answers with the function's ARN alone, and a difference replaces the permission.
  function_name = each.value.function
  qualifier     = each.value.qualifier
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = local.rule_arns[each.value.rule]
}

resource "aws_iam_role" "deliver" {
  count = length(local.by_role) > 0 ? 1 : 0

  name                 = "${var.name}-deliver-${var.account.region}"
  description          = "Lets rules of ${var.name} reach state machines, topics, streams, buses and endpoints"
  assume_role_policy   = local.deliver_trust
  path                 = var.roles.path
  permissions_boundary = var.roles.permissions_boundary_arn
}

resource "aws_iam_role_policy" "deliver" {
  count = length(local.by_role) > 0 ? 1 : 0

  name   = "deliver"
  role   = aws_iam_role.deliver[0].id
  policy = local.deliver_policy
}
