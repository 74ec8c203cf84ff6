locals {
  ending   = var.fifo ? ".fifo" : ""
  name     = "${var.name}${local.ending}"
  dlq_name = "${var.name}-dlq${local.ending}"

  # Built from names, not read from the resources: each queue's policy then stands in
  # the queue itself, and the two queues do not wait for each other in a circle.
  arn_prefix = "arn:${var.account.partition}:sqs:${var.account.region}:${var.account.id}:"
  arn        = "${local.arn_prefix}${local.name}"
  dlq_arn    = "${local.arn_prefix}${local.dlq_name}"

  policy     = jsonencode(merge(local.policy_frame, { Statement = local.statements[local.arn] }))
  dlq_policy = jsonencode(merge(local.policy_frame, { Statement = local.statements[local.dlq_arn] }))

  policy_frame = { Version = "2012-10-17" }
  statements = {
    for arn, senders in { (local.arn) = var.senders, (local.dlq_arn) = var.dead_letter_senders } : arn => concat(
      [{
        Sid       = "DenyWithoutTLS"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      # Also for who applies: the queue's deletion is refused until this was applied without.
      var.deletion_protection ? [{
        Sid       = "KeepQueue"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:DeleteQueue"
        Resource  = arn
      }] : [],
      [for name, sender in senders : {
        Sid       = "Send${name}"
        Effect    = "Allow"
        Principal = { Service = sender.service }
        Action    = "sqs:SendMessage"
        Resource  = arn
        Condition = { ArnEquals = { "aws:SourceArn" = sender.source_arns } }
      }],
    )
  }
}

resource "aws_sqs_queue" "dead_letter" {
  name                        = local.dlq_name
  fifo_queue                  = var.fifo
  content_based_deduplication = var.fifo ? true : null
  message_retention_seconds   = 1209600
  receive_wait_time_seconds   = 20
  kms_master_key_id           = var.kms_key_arn
  policy                      = local.dlq_policy

  # Inline: as a resource of its own its removal is waited for until a time-out
  # wherever the service keeps an empty value.
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.arn]
  })
}

resource "aws_sqs_queue" "this" {
  name                        = local.name
  fifo_queue                  = var.fifo
  content_based_deduplication = var.fifo ? true : null
  # Per message group, so one busy group does not slow the others.
  deduplication_scope        = var.fifo ? "messageGroup" : null
  fifo_throughput_limit      = var.fifo ? "perMessageGroupId" : null
  visibility_timeout_seconds = coalesce(var.visibility_timeout_s, 6 * var.consumer_timeout_s)
  message_retention_seconds  = var.retention_s
  delay_seconds              = var.delay_s
  receive_wait_time_seconds  = 20
  kms_master_key_id          = var.kms_key_arn
  policy                     = local.policy

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter.arn
    maxReceiveCount     = var.max_receive_count
  })
}
