# What services and people need to take part by EventBridge, SQS, SNS and the archive. Roles are
# their own; these are the policies to attach.
locals {
  via = {
    for service in ["s3", "sns", "sqs"] : service => {
      StringEquals = { "kms:ViaService" = "${service}.${var.region}.amazonaws.com" }
    }
  }

  publisher_policies = {
    for source in local.sources : source => jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "Publish"
          Effect    = "Allow"
          Action    = "events:PutEvents"
          Resource  = module.bus.arn
          Condition = { StringEquals = { "events:source" = source } }
        },
        {
          # PutEvents does not tell of a bus that is not there.
          Sid      = "LookAtBus"
          Effect   = "Allow"
          Action   = "events:DescribeEventBus"
          Resource = module.bus.arn
        },
      ]
    })
  }

  queue_sender_policies = {
    for name, queue in module.queue : name => jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "Send"
          Effect   = "Allow"
          Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
          Resource = queue.arn
        },
        {
          # SQS makes a data key, and decrypts it when it is used again.
          Sid       = "Encrypt"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = module.key.arn
          Condition = local.via.sqs
        },
      ]
    })
  }

  queue_consumer_policies = {
    for name, queue in module.queue : name => jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid    = "Consume"
          Effect = "Allow"
          Action = [
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:ReceiveMessage",
          ]
          Resource = queue.arn
        },
        {
          Sid       = "Decrypt"
          Effect    = "Allow"
          Action    = "kms:Decrypt"
          Resource  = module.key.arn
          Condition = local.via.sqs
        },
      ]
    })
  }

  user_notifications_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Notify"
        Effect   = "Allow"
        Action   = ["sns:GetTopicAttributes", "sns:Publish"]
        Resource = module.topic["user-notifications"].arn
      },
      {
        Sid       = "Encrypt"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = module.key.arn
        Condition = local.via.sns
      },
    ]
  })

  # Lambda tells as the function's role.
  unhandled_policy = one([
    for queue in aws_sqs_queue.unhandled : jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "TellFailures"
          Effect   = "Allow"
          Action   = "sqs:SendMessage"
          Resource = queue.arn
        },
        {
          Sid       = "Encrypt"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = module.key.arn
          Condition = local.via.sqs
        },
      ]
    })
  ])

  archive_reader_policy = one([
    for archive in module.msk_connect : jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "List"
          Effect   = "Allow"
          Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
          Resource = archive.bucket.arn
        },
        {
          Sid      = "Read"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = "${archive.bucket.arn}/*"
        },
        {
          Sid       = "Decrypt"
          Effect    = "Allow"
          Action    = "kms:Decrypt"
          Resource  = module.key.arn
          Condition = local.via.s3
        },
      ]
    })
  ])
}
