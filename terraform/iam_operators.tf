# What operators need: dead letters, replays, and a look at everything. For services see iam.tf.
locals {
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
}
