locals {
  arn_scope = "${var.account.partition}:events:${var.account.region}:${var.account.id}"
  bus_arn   = "arn:${local.arn_scope}:event-bus/${var.name}"
  # From names: queues can allow a rule in their policy while the rule's targets refer
  # to the queues.
  rule_arns = { for name in keys(var.rules) : name => "arn:${local.arn_scope}:rule/${var.name}/${name}" }

  targets = merge([
    for rule_name, rule in var.rules : {
      for id, target in rule.targets : "${rule_name}/${id}" => merge(target, { rule = rule_name, id = id })
    }
  ]...)
  functions = {
    # ARN of the function, then its alias or version if the target names one.
    for key, target in local.targets : key => merge(target, regex("^(?P<function>.+:function:[^:]+)(?::(?P<qualifier>.+))?$", target.arn)) if target.kind == "function"
  }
  workflows = { for key, target in local.targets : key => target if target.kind == "workflow" }

  archive_name        = "${var.name}-archive"
  archive_description = "Every event of ${var.name}, for replay"
  archive_template = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = local.archive_description
    Resources = {
      Archive = {
        Type = "AWS::Events::Archive"
        Properties = {
          ArchiveName      = local.archive_name
          Description      = local.archive_description
          SourceArn        = aws_cloudwatch_event_bus.this.arn
          RetentionDays    = var.archive_days
          KmsKeyIdentifier = var.kms_key_arn
        }
      }
    }
  })

  dead_letter_name = "${var.name}-undelivered"
  dead_letter_arn  = "arn:${var.account.partition}:sqs:${var.account.region}:${var.account.id}:${local.dead_letter_name}"
  dead_letter_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyWithoutTLS"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.dead_letter_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "SendUndelivered"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.dead_letter_arn
        Condition = { ArnEquals = { "aws:SourceArn" = concat([local.bus_arn], values(local.rule_arns)) } }
      },
    ]
  })

  # Rights of roles of this account are their own; this takes away, and lets other accounts in.
  bus_statements = concat(
    [for source, arns in var.source_roles : {
      Sid       = "Only${join("", [for part in regexall("[A-Za-z0-9]+", source) : title(part)])}"
      Effect    = "Deny"
      Principal = "*"
      Action    = "events:PutEvents"
      Resource  = local.bus_arn
      Condition = {
        StringEquals = { "events:source" = source }
        ArnNotLike   = { "aws:PrincipalArn" = arns }
      }
    }],
    [for id, sources in var.publisher_accounts : {
      Sid       = "PublishFrom${id}"
      Effect    = "Allow"
      Principal = { AWS = "arn:${var.account.partition}:iam::${id}:root" }
      Action    = "events:PutEvents"
      Resource  = local.bus_arn
      Condition = { StringEquals = { "events:source" = sources } }
    }],
  )
  bus_policy = length(local.bus_statements) == 0 ? null : jsonencode({ Version = "2012-10-17", Statement = local.bus_statements })

  start_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account.id }
        ArnEquals    = { "aws:SourceArn" = distinct([for target in local.workflows : local.rule_arns[target.rule]]) }
      }
    }]
  })
  start_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "StartWorkflows"
      Effect   = "Allow"
      Action   = "states:StartExecution"
      Resource = distinct([for target in local.workflows : target.arn])
    }]
  })
}

# A standard queue, also for FIFO targets: EventBridge writes to no other.
resource "aws_sqs_queue" "dead_letter" {
  name                      = local.dead_letter_name
  message_retention_seconds = 1209600
  receive_wait_time_seconds = 20
  kms_master_key_id         = var.kms_key_arn
  policy                    = local.dead_letter_policy
}

resource "aws_cloudwatch_event_bus" "this" {
  name               = var.name
  kms_key_identifier = var.encrypt_bus ? var.kms_key_arn : null

  # For events that cannot be encrypted or decrypted.
  dynamic "dead_letter_config" {
    for_each = var.encrypt_bus ? [aws_sqs_queue.dead_letter.arn] : []
    content {
      arn = dead_letter_config.value
    }
  }
}

# By CloudFormation: this provider's archives know no key, and AWS would encrypt with one of its own.
resource "aws_cloudformation_stack" "archive" {
  #checkov:skip=CKV_AWS_124:Terraform waits for the stack and tells what becomes of it; it has one resource
  count = var.encrypt_bus ? 1 : 0

  name          = local.archive_name
  template_body = local.archive_template
}

# For emulators.
resource "aws_cloudwatch_event_archive" "this" {
  count = var.encrypt_bus ? 0 : 1

  name             = local.archive_name
  description      = local.archive_description
  event_source_arn = aws_cloudwatch_event_bus.this.arn
  retention_days   = var.archive_days
}

resource "aws_cloudwatch_event_bus_policy" "this" {
  count = length(local.bus_statements) > 0 ? 1 : 0

  event_bus_name = aws_cloudwatch_event_bus.this.name
  policy         = local.bus_policy
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = var.rules

  name           = each.key
  description    = each.value.description
  event_bus_name = aws_cloudwatch_event_bus.this.name
  event_pattern  = each.value.event_pattern
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.targets

  rule           = aws_cloudwatch_event_rule.this[each.value.rule].name
  event_bus_name = aws_cloudwatch_event_bus.this.name
  target_id      = each.value.id
  arn            = each.value.arn
  # Queues and functions say in their own policy who may send. A role there would be
  # used instead of that policy and fails on encrypted queues.
  role_arn = each.value.kind == "workflow" ? aws_iam_role.start_workflows[0].arn : null

  dead_letter_config {
    arn = aws_sqs_queue.dead_letter.arn
  }

  retry_policy {
    maximum_event_age_in_seconds = var.retry.max_age_s
    maximum_retry_attempts       = var.retry.max_attempts
  }

  dynamic "sqs_target" {
    for_each = each.value.message_group_id == null ? [] : [each.value.message_group_id]
    content {
      message_group_id = sqs_target.value
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

resource "aws_iam_role" "start_workflows" {
  count = length(local.workflows) > 0 ? 1 : 0

  name                 = "${var.name}-start-${var.account.region}"
  description          = "Lets rules of ${var.name} start their state machines"
  assume_role_policy   = local.start_trust
  path                 = var.roles.path
  permissions_boundary = var.roles.permissions_boundary_arn
}

resource "aws_iam_role_policy" "start_workflows" {
  count = length(local.workflows) > 0 ? 1 : 0

  name   = "start-workflows"
  role   = aws_iam_role.start_workflows[0].id
  policy = local.start_policy
}
