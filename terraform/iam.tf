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

  dead_letter_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "ReadDeadLetters"
        Effect = "Allow"
        Action = [
          "sqs:ChangeMessageVisibility",
          "sqs:DeleteMessage",
          "sqs:GetQueueAttributes",
          "sqs:GetQueueUrl",
          "sqs:PurgeQueue",
          "sqs:ReceiveMessage",
        ]
        Resource = concat(values(module.queue)[*].dead_letter_arn, [module.bus.dead_letter_arn], aws_sqs_queue.unhandled[*].arn, aws_sqs_queue.unheard[*].arn)
      },
      {
        # Not the bus's and the functions': they are no queue's, and SQS moves none of their messages.
        Sid      = "Redrive"
        Effect   = "Allow"
        Action   = ["sqs:CancelMessageMoveTask", "sqs:ListDeadLetterSourceQueues", "sqs:ListMessageMoveTasks", "sqs:StartMessageMoveTask"]
        Resource = values(module.queue)[*].dead_letter_arn
      },
      {
        # A queue's attributes name its dead-letter queue.
        Sid      = "ReturnToQueues"
        Effect   = "Allow"
        Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
        Resource = values(module.queue)[*].arn
      },
      {
        Sid       = "DecryptAndEncrypt"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = module.key.arn
        Condition = local.via.sqs
      },
    ]
  })

  replay_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LookAtArchive"
        Effect   = "Allow"
        Action   = "events:DescribeArchive"
        Resource = module.bus.archive_arn
      },
      {
        Sid      = "LookAtBusAndRules"
        Effect   = "Allow"
        Action   = ["events:DescribeEventBus", "events:DescribeRule"]
        Resource = [module.bus.arn, local.rules_arn]
      },
      {
        # These name no resource.
        Sid      = "ListAll"
        Effect   = "Allow"
        Action   = ["events:ListArchives", "events:ListReplays", "events:ListRules"]
        Resource = "*"
      },
      {
        Sid      = "StartReplay"
        Effect   = "Allow"
        Action   = "events:StartReplay"
        Resource = [module.bus.archive_arn, module.bus.arn, local.replay_arns]
      },
      {
        Sid      = "WatchAndEndReplay"
        Effect   = "Allow"
        Action   = ["events:CancelReplay", "events:DescribeReplay"]
        Resource = local.replay_arns
      },
      {
        # Of all of them, or none: a list has no resource.
        Sid      = "ListReplays"
        Effect   = "Allow"
        Action   = "events:ListReplays"
        Resource = "*"
      },
      {
        # A replay to a rule that is not there reaches nobody.
        Sid      = "LookForRule"
        Effect   = "Allow"
        Action   = "events:DescribeRule"
        Resource = "arn:${local.account.partition}:events:${var.region}:${local.account.id}:rule/${local.name}/*"
      },
    ]
  })
  # A replay has the name its starter gives it: only those of this platform.
  replay_arns = "arn:${local.account.partition}:events:${var.region}:${local.account.id}:replay/${local.name}-*"

  rules_arn = "arn:${local.account.partition}:events:${var.region}:${local.account.id}:rule/${local.name}/*"

  # Looks, and changes nothing: what `pat-events doctor` asks of buses, queues and topics.
  doctor_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "LookAtBus"
          Effect   = "Allow"
          Action   = ["events:DescribeArchive", "events:DescribeEventBus", "events:DescribeRule"]
          Resource = [module.bus.arn, module.bus.archive_arn, local.rules_arn]
        },
        {
          # These name no resource.
          Sid      = "ListAll"
          Effect   = "Allow"
          Action   = ["events:ListArchives", "events:ListReplays", "events:ListRules"]
          Resource = "*"
        },
        {
          Sid    = "LookAtQueues"
          Effect = "Allow"
          Action = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListDeadLetterSourceQueues"]
          Resource = concat(
            values(module.queue)[*].arn, values(module.queue)[*].dead_letter_arn, [module.bus.dead_letter_arn], aws_sqs_queue.unhandled[*].arn, aws_sqs_queue.unheard[*].arn
          )
        },
        {
          Sid      = "LookAtTopics"
          Effect   = "Allow"
          Action   = ["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"]
          Resource = values(module.topic)[*].arn
        },
        {
          Sid      = "LookAtKey"
          Effect   = "Allow"
          Action   = "kms:DescribeKey"
          Resource = module.key.arn
        },
      ],
      [for claims in module.claim_check : {
        Sid      = "LookAtClaims"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = claims.bucket_arn
      }],
    )
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
