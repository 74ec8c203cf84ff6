# Policies only, no resources: everything is known from the inputs, so every statement can
# be asserted without a provider. The actions are those of "Semantics of IAM authorization
# policy actions and resources" in the MSK developer guide, with the actions each requires.
locals {
  # arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID -> ...:topic/NAME/UUID, ...:group/NAME/UUID
  topic_arns = [for arn in var.cluster_arns : replace(arn, ":cluster/", ":topic/")]
  group_arns = [for arn in var.cluster_arns : replace(arn, ":cluster/", ":group/")]
  # ... and :transactional-id/NAME/UUID
  transaction_arns = [for arn in var.cluster_arns : replace(arn, ":cluster/", ":transactional-id/")]

  groups = {
    for name, group in var.groups : name => {
      consumed  = toset([for event in group.consumes : var.events[event].topic])
      published = toset([for event in group.publishes : var.events[event].topic])
      dead_letters = toset(flatten([for event in group.consumes : [
        for route in concat([""], [for each in group.dead_letter_routes : ".${each}"]) : "${var.events[event].topic}.${name}${route}.dlq"
      ]]))
      # For dead letters that are sent back to this group alone.
      retries = toset([for event in group.consumes : "${var.events[event].topic}.${name}.retry"])
    }
  }
  sources = {
    for source in distinct([for event in var.events : event.source]) : source => toset([
      for event in var.events : event.topic if event.source == source
    ])
  }

  topics       = sort(distinct([for event in var.events : event.topic]))
  dead_letters = sort(flatten([for group in local.groups : tolist(group.dead_letters)]))
  retries      = sort(flatten([for group in local.groups : tolist(group.retries)]))
  # Who did what with dead letters. The name is also the transactional id of a replay.
  audits = sort([for name in keys(var.groups) : "${name}.audit"])

  connect = {
    Sid      = "Connect"
    Effect   = "Allow"
    Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"]
    Resource = var.cluster_arns
  }
  # An idempotent producer asks for this on the cluster, not on the topic.
  connect_and_produce = merge(local.connect, {
    Action = concat(local.connect.Action, ["kafka-cluster:WriteDataIdempotently"])
  })

  producer_policies = {
    for source, topics in local.sources : source => [
      local.connect_and_produce,
      {
        Sid      = "Publish"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
        Resource = flatten([for topic in topics : [for arn in local.topic_arns : "${arn}/${topic}"]])
      },
    ]
  }

  consumer_policies = {
    for name, group in local.groups : name => [
      local.connect_and_produce,
      {
        Sid      = "Consume"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = flatten([for topic in setunion(group.consumed, group.retries) : [for arn in local.topic_arns : "${arn}/${topic}"]])
      },
      {
        Sid      = "Publish"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
        Resource = flatten([for topic in setunion(group.published, group.dead_letters) : [for arn in local.topic_arns : "${arn}/${topic}"]])
      },
      {
        Sid      = "CommitOffsets"
        Effect   = "Allow"
        Action   = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
        Resource = [for arn in local.group_arns : "${arn}/${name}"]
      },
    ]
  }

  # Creates and changes topics; deleting one is not for a pipeline to do.
  topic_admin_policy = [
    local.connect,
    {
      Sid    = "ApplyTopics"
      Effect = "Allow"
      Action = [
        "kafka-cluster:AlterTopic",
        "kafka-cluster:AlterTopicDynamicConfiguration",
        "kafka-cluster:CreateTopic",
        "kafka-cluster:DescribeTopic",
        "kafka-cluster:DescribeTopicDynamicConfiguration",
      ]
      Resource = flatten([for topic in concat(local.topics, local.dead_letters, local.retries, local.audits) : [for arn in local.topic_arns : "${arn}/${topic}"]])
    },
  ]

  # Reads dead letters and lag.
  operator_policy = [
    local.connect,
    {
      Sid      = "ReadDeadLetters"
      Effect   = "Allow"
      Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
      Resource = flatten([for topic in local.dead_letters : [for arn in local.topic_arns : "${arn}/${topic}"]])
    },
    {
      Sid      = "MeasureLag"
      Effect   = "Allow"
      Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:DescribeTopicDynamicConfiguration"]
      Resource = flatten([for topic in local.topics : [for arn in local.topic_arns : "${arn}/${topic}"]])
    },
    {
      Sid    = "DescribeGroups"
      Effect = "Allow"
      Action = ["kafka-cluster:DescribeGroup"]
      # `pat-events` reads as the group pat-events-reader: it commits nothing there, but its
      # client asks for the group's coordinator.
      Resource = flatten([for name in concat(keys(var.groups), ["pat-events-reader"]) : [for arn in local.group_arns : "${arn}/${name}"]])
    },
  ]

  # Beside the operator's: sends dead letters back to their group alone.
  replay_policy = [
    local.connect_and_produce,
    {
      # What was replayed before is read there, too.
      Sid      = "Replay"
      Effect   = "Allow"
      Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData", "kafka-cluster:WriteData"]
      Resource = flatten([for topic in concat(local.retries, local.audits) : [for arn in local.topic_arns : "${arn}/${topic}"]])
    },
    {
      Sid      = "ReplayOnce"
      Effect   = "Allow"
      Action   = ["kafka-cluster:AlterTransactionalId", "kafka-cluster:DescribeTransactionalId"]
      Resource = flatten([for name in local.audits : [for arn in local.transaction_arns : "${arn}/${name}"]])
    },
  ]

  producer_policy_jsons = {
    for source, statements in local.producer_policies : source => jsonencode({ Version = "2012-10-17", Statement = statements })
  }
  consumer_policy_jsons = {
    for name, statements in local.consumer_policies : name => jsonencode({ Version = "2012-10-17", Statement = statements })
  }
  topic_admin_policy_json = jsonencode({ Version = "2012-10-17", Statement = local.topic_admin_policy })
  operator_policy_json    = jsonencode({ Version = "2012-10-17", Statement = local.operator_policy })
  replay_policy_json      = jsonencode({ Version = "2012-10-17", Statement = local.replay_policy })

  # IAM's quota for one managed policy.
  max_policy_chars = 6144
}
