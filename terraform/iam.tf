# What a service needs to take part by EventBridge and SQS. Roles are the services' own.
locals {
  publisher_policies = {
    for source in toset([for event in local.events : event.source]) : source => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid       = "Publish"
        Effect    = "Allow"
        Action    = "events:PutEvents"
        Resource  = module.bus.arn
        Condition = { StringEquals = { "events:source" = source } }
      }]
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
          Sid      = "Decrypt"
          Effect   = "Allow"
          Action   = "kms:Decrypt"
          Resource = module.key.arn
        },
      ]
    })
  }
}
