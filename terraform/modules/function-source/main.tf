locals {
  queues = { for queue in var.queue[*] : "queue" => queue }
  topics = { for topic in var.topic[*] : "topic" => topic }

  # arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID -> ...:topic/NAME/UUID, ...:group/NAME/UUID
  topic_arns = { for key, topic in local.topics : key => replace(topic.cluster_arn, ":cluster/", ":topic/") }
  group_arns = { for key, topic in local.topics : key => replace(topic.cluster_arn, ":cluster/", ":group/") }

  on_failure_region = var.on_failure_arn == null ? "" : split(":", var.on_failure_arn)[3]

  statements = concat(
    flatten([for queue in local.queues : [
      {
        Sid      = "Consume"
        Effect   = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        Resource = [queue.arn]
      },
      {
        Sid       = "Decrypt"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = [var.kms_key_arn]
        Condition = { StringEquals = { "kms:ViaService" = "sqs.${split(":", queue.arn)[3]}.amazonaws.com" } }
      },
    ]]),
    flatten([for key, topic in local.topics : [
      {
        Sid      = "FindBrokers"
        Effect   = "Allow"
        Action   = ["kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"]
        Resource = [topic.cluster_arn]
      },
      {
        Sid      = "Connect"
        Effect   = "Allow"
        Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration"]
        Resource = [topic.cluster_arn]
      },
      {
        Sid      = "Consume"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = ["${local.topic_arns[key]}/${topic.name}"]
      },
      {
        Sid      = "CommitOffsets"
        Effect   = "Allow"
        Action   = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
        Resource = ["${local.group_arns[key]}/${topic.group}"]
      },
      {
        # These name no resource: Lambda puts its pollers into the brokers' network as this role.
        Sid    = "JoinNetwork"
        Effect = "Allow"
        Action = [
          "ec2:CreateNetworkInterface",
          "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcs",
        ]
        Resource = ["*"]
      },
      {
        Sid      = "ReportFailures"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [var.on_failure_arn]
      },
      {
        Sid       = "EncryptFailures"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = [var.kms_key_arn]
        Condition = { StringEquals = { "kms:ViaService" = "sqs.${local.on_failure_region}.amazonaws.com" } }
      },
    ]]),
  )
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

resource "aws_lambda_event_source_mapping" "this" {
  function_name = var.function_arn
  enabled       = var.enabled

  # Without it whatever a batch's answer says counts as handled, and what failed is lost.
  function_response_types = ["ReportBatchItemFailures"]

  event_source_arn                   = var.queue != null ? var.queue.arn : var.topic.cluster_arn
  batch_size                         = coalesce(var.batch_size, var.queue != null ? 10 : 100)
  maximum_batching_window_in_seconds = var.batching_window_s

  # Of topics alone. What makes the function fail as a whole is found by halves.
  topics                         = var.topic == null ? null : [var.topic.name]
  starting_position              = var.topic == null ? null : var.topic.start
  bisect_batch_on_function_error = var.topic == null ? null : true
  maximum_retry_attempts         = var.topic == null ? null : var.topic.max_retries

  dynamic "amazon_managed_kafka_event_source_config" {
    for_each = local.topics
    content {
      consumer_group_id = amazon_managed_kafka_event_source_config.value.group
    }
  }

  # Lambda takes a partial answer for a topic in provisioned mode only.
  dynamic "provisioned_poller_config" {
    for_each = local.topics
    content {
      minimum_pollers = provisioned_poller_config.value.min_pollers
      maximum_pollers = provisioned_poller_config.value.max_pollers
    }
  }

  dynamic "destination_config" {
    for_each = local.topics
    content {
      on_failure {
        destination_arn = var.on_failure_arn
      }
    }
  }

  dynamic "scaling_config" {
    for_each = [for queue in local.queues : queue.max_concurrency if queue.max_concurrency != null]
    content {
      maximum_concurrency = scaling_config.value
    }
  }

  dynamic "filter_criteria" {
    for_each = length(var.filters) > 0 ? [var.filters] : []
    content {
      dynamic "filter" {
        for_each = filter_criteria.value
        content {
          pattern = filter.value
        }
      }
    }
  }
}
