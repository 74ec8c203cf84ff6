locals {
  arn_scope = "${var.account.partition}:events:${var.account.region}:${var.account.id}"
  bus_arn   = "arn:${local.arn_scope}:event-bus/${var.name}"
  # From names: queues can allow a rule in their policy while the rule's targets refer
  # to the queues.
  rule_arns = { for name in keys(var.rules) : name => "arn:${local.arn_scope}:rule/${var.name}/${name}" }

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
