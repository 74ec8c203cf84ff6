locals {
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = var.account.id
          # The scheduler names the group, not the schedule.
          "aws:SourceArn" = "arn:${var.account.partition}:scheduler:${var.account.region}:${var.account.id}:schedule-group/${var.name}"
        }
      }
    }]
  })
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Send"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = distinct(concat([for s in var.schedules : s.queue_arn], [var.dead_letter_arn]))
      },
      {
        Sid      = "ReadSchedulesAndEncryptMessages"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = var.kms_key_arn
      },
    ]
  })
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.name
}

resource "aws_scheduler_schedule" "this" {
  for_each = var.schedules

  name                         = each.key
  description                  = each.value.description
  group_name                   = aws_scheduler_schedule_group.this.name
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.timezone
  kms_key_arn                  = var.kms_key_arn

  flexible_time_window {
    mode                      = each.value.window_minutes > 0 ? "FLEXIBLE" : "OFF"
    maximum_window_in_minutes = each.value.window_minutes > 0 ? each.value.window_minutes : null
  }

  target {
    arn      = each.value.queue_arn
    role_arn = aws_iam_role.this.arn
    input    = each.value.input

    dead_letter_config {
      arn = var.dead_letter_arn
    }

    retry_policy {
      maximum_event_age_in_seconds = each.value.max_age_s
      maximum_retry_attempts       = each.value.max_attempts
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-schedules-${var.account.region}"
  description          = "Lets the schedules of ${var.name} send to their queues"
  assume_role_policy   = local.trust
  path                 = var.roles.path
  permissions_boundary = var.roles.permissions_boundary_arn
}

resource "aws_iam_role_policy" "this" {
  name   = "send"
  role   = aws_iam_role.this.id
  policy = local.policy
}
