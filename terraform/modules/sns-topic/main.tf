locals {
  arn = "arn:${var.account.partition}:sns:${var.account.region}:${var.account.id}:${var.name}"

  # The policy AWS gives a new topic names everybody as principal; this one replaces it.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "DenyWithoutTLS"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = local.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [for name, publisher in var.publishers : {
        Sid       = "Publish${name}"
        Effect    = "Allow"
        Principal = { Service = publisher.service }
        Action    = "sns:Publish"
        Resource  = local.arn
        Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
      }],
    )
  })
}

resource "aws_sns_topic" "this" {
  name              = var.name
  kms_master_key_id = var.kms_key_arn
  policy            = local.policy
}

resource "aws_sns_topic_subscription" "this" {
  for_each = var.subscriptions

  topic_arn = aws_sns_topic.this.arn
  protocol  = each.value.protocol
  endpoint  = each.value.endpoint
  # Applying fails where nobody confirms, instead of alarms that nobody hears.
  endpoint_auto_confirms = each.value.protocol == "https" ? true : null
  raw_message_delivery   = each.value.raw_message ? true : null
  filter_policy          = each.value.filter_policy == null ? null : jsonencode(each.value.filter_policy)
  redrive_policy         = each.value.dead_letter_arn == null ? null : jsonencode({ deadLetterTargetArn = each.value.dead_letter_arn })
}
