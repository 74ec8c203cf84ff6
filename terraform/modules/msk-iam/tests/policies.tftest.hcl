variables {
  cluster_arns = ["arn:aws:kafka:eu-west-1:111122223333:cluster/pat/11111111-2222-3333-4444-555555555555-1"]
  events = {
    EmailReceived  = { topic = "pat-emails", source = "pat.smtp" }
    EmailProcessed = { topic = "pat-emails", source = "pat.processor" }
    TenantEvent    = { topic = "pat-events", source = "pat.tenants" }
    TenantDeleted  = { topic = "pat-emails", source = "pat.tenants" }
  }
  groups = {
    processor = { consumes = ["EmailReceived"], publishes = ["TenantEvent"] }
    notifier  = { consumes = ["EmailProcessed", "EmailReceived", "TenantEvent"] }
  }
}

run "a_producer_writes_the_topics_of_its_events" {
  command = plan

  assert {
    condition     = keys(output.producer_policy_jsons) == ["pat.processor", "pat.smtp", "pat.tenants"]
    error_message = "One policy for each source."
  }
  assert {
    condition = jsondecode(output.producer_policy_jsons["pat.smtp"]).Statement == [
      {
        Sid      = "Connect", Effect = "Allow"
        Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:WriteDataIdempotently"]
        Resource = ["arn:aws:kafka:eu-west-1:111122223333:cluster/pat/11111111-2222-3333-4444-555555555555-1"]
      },
      {
        Sid      = "Publish", Effect = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
        Resource = ["arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/pat-emails"]
      },
    ]
    error_message = "A producer connects, writes idempotently and writes its one topic."
  }
  assert {
    condition = jsondecode(output.producer_policy_jsons["pat.tenants"]).Statement[1].Resource == [
      "arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/pat-emails",
      "arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/pat-events",
    ]
    error_message = "A source with events in two topics writes both."
  }
}

run "a_consumer_reads_its_topics_and_writes_what_it_publishes_and_its_dead_letters" {
  command = plan

  assert {
    condition = jsondecode(output.consumer_policy_jsons["processor"]).Statement == [
      {
        Sid      = "Connect", Effect = "Allow"
        Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:WriteDataIdempotently"]
        Resource = ["arn:aws:kafka:eu-west-1:111122223333:cluster/pat/11111111-2222-3333-4444-555555555555-1"]
      },
      {
        Sid    = "Consume", Effect = "Allow"
        Action = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = [
          "arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/pat-emails",
          "arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/pat-emails.processor.retry",
        ]
      },
      {
        Sid    = "Publish", Effect = "Allow"
        Action = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
        Resource = [
          "arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/pat-emails.processor.dlq",
          "arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/pat-events",
        ]
      },
      {
        Sid      = "CommitOffsets", Effect = "Allow"
        Action   = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
        Resource = ["arn:aws:kafka:eu-west-1:111122223333:group/pat/11111111-2222-3333-4444-555555555555-1/processor"]
      },
    ]
    error_message = "A consumer has its own topics, dead letters, retries and offsets, nobody else's."
  }
  assert {
    condition = [
      for arn in jsondecode(output.consumer_policy_jsons["notifier"]).Statement[2].Resource : reverse(split("/", arn))[0]
    ] == ["pat-emails.notifier.dlq", "pat-events.notifier.dlq"]
    error_message = "A group that publishes nothing writes its dead letters only, once for each topic it reads."
  }
}

run "topics_apply_creates_and_changes_but_deletes_nothing" {
  command = plan

  assert {
    condition = jsondecode(output.topic_admin_policy_json).Statement[1].Action == [
      "kafka-cluster:AlterTopic",
      "kafka-cluster:AlterTopicDynamicConfiguration",
      "kafka-cluster:CreateTopic",
      "kafka-cluster:DescribeTopic",
      "kafka-cluster:DescribeTopicDynamicConfiguration",
    ]
    error_message = "What creating and configuring a topic needs, no deletion, no data."
  }
  assert {
    condition = output.topics == tolist([
      "pat-emails", "pat-events",
      "pat-emails.notifier.dlq", "pat-emails.processor.dlq", "pat-events.notifier.dlq",
      "pat-emails.notifier.retry", "pat-emails.processor.retry", "pat-events.notifier.retry",
      "notifier.audit", "processor.audit",
    ])
    error_message = "The catalogue's topics and each group's dead-letter, retry and audit topics."
  }
  assert {
    condition     = tolist([for arn in jsondecode(output.topic_admin_policy_json).Statement[1].Resource : reverse(split("/", arn))[0]]) == output.topics
    error_message = "The policy covers exactly those topics."
  }
  assert {
    condition     = jsondecode(output.topic_admin_policy_json).Statement[0].Action == ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"] && length(jsondecode(output.topic_admin_policy_json).Statement) == 2
    error_message = "An administrator of topics does not write events."
  }
}

run "an_operator_looks_and_changes_nothing" {
  command = plan

  assert {
    condition = { for statement in jsondecode(output.operator_policy_json).Statement : statement.Sid => [for arn in statement.Resource : reverse(split("/", arn))[0]] if statement.Sid != "Connect" } == {
      ReadDeadLetters = ["pat-emails.notifier.dlq", "pat-emails.processor.dlq", "pat-events.notifier.dlq"]
      MeasureLag      = ["pat-emails", "pat-events"]
      DescribeGroups  = ["notifier", "processor", "pat-events-reader"]
    }
    error_message = "An operator reads dead letters and looks at lag."
  }
  assert {
    condition = toset(flatten([for statement in jsondecode(output.operator_policy_json).Statement : statement.Action])) == toset([
      "kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData",
      "kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:DescribeGroup",
    ])
    error_message = "An operator writes nothing, and changes no group, the reader's own included."
  }
}

run "a_replay_reaches_the_retry_topics_of_its_group_alone_and_tells_who_did" {
  command = plan

  assert {
    condition = jsondecode(output.replay_policy_json).Statement == [
      jsondecode(output.producer_policy_jsons["pat.smtp"]).Statement[0],
      {
        Sid    = "Replay", Effect = "Allow"
        Action = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData", "kafka-cluster:WriteData"]
        Resource = [
          for topic in ["pat-emails.notifier.retry", "pat-emails.processor.retry", "pat-events.notifier.retry", "notifier.audit", "processor.audit"] :
          "arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/${topic}"
        ]
      },
      {
        Sid    = "ReplayOnce", Effect = "Allow"
        Action = ["kafka-cluster:AlterTransactionalId", "kafka-cluster:DescribeTransactionalId"]
        Resource = [
          "arn:aws:kafka:eu-west-1:111122223333:transactional-id/pat/11111111-2222-3333-4444-555555555555-1/notifier.audit",
          "arn:aws:kafka:eu-west-1:111122223333:transactional-id/pat/11111111-2222-3333-4444-555555555555-1/processor.audit",
        ]
      },
    ]
    error_message = "A replay writes retry and audit topics, in transactions under the audit topic's name, and no shared topic."
  }
}

run "no_policy_has_a_wildcard" {
  command = plan

  assert {
    condition = !strcontains(
      join("", concat(values(output.producer_policy_jsons), values(output.consumer_policy_jsons), [output.topic_admin_policy_json, output.operator_policy_json, output.replay_policy_json])),
      "*",
    )
    error_message = "Actions and resources are named one by one."
  }
}

run "refuses_a_cluster_wildcard" {
  command = plan
  variables { cluster_arns = ["arn:aws:kafka:eu-west-1:111122223333:cluster/pat/*"] }
  expect_failures = [var.cluster_arns]
}

run "refuses_a_topic_wildcard" {
  command = plan
  variables {
    events = {
      EmailReceived  = { topic = "pat-*", source = "pat.smtp" }
      EmailProcessed = { topic = "pat-emails", source = "pat.processor" }
      TenantEvent    = { topic = "pat-events", source = "pat.tenants" }
    }
  }
  expect_failures = [var.events]
}

run "refuses_a_group_wildcard" {
  command = plan
  variables { groups = { "pat*" = { consumes = ["EmailReceived"] } } }
  expect_failures = [var.groups]
}

run "refuses_a_group_whose_metrics_would_vanish" {
  command = plan
  variables { groups = { "prüfer" = { consumes = ["EmailReceived"] } } }
  expect_failures = [var.groups]
}

run "refuses_an_event_the_catalogue_does_not_have" {
  command = plan
  variables { groups = { processor = { consumes = ["EmailRecieved"] } } }
  expect_failures = [var.groups]
}

run "refuses_a_published_event_the_catalogue_does_not_have" {
  command = plan
  variables { groups = { processor = { consumes = ["EmailReceived"], publishes = ["Unknown"] } } }
  expect_failures = [var.groups]
}

run "a_route_of_dead_letters_is_a_topic_more_that_the_group_writes" {
  command = plan
  variables {
    groups = { processor = { consumes = ["EmailReceived"], dead_letter_routes = ["quarantine", "garbage"] } }
  }

  assert {
    condition = [for topic in output.topics : topic if endswith(topic, ".dlq")] == [
      "pat-emails.processor.dlq", "pat-emails.processor.garbage.dlq", "pat-emails.processor.quarantine.dlq",
    ]
    error_message = "One dead-letter topic without a route, and one for each."
  }
  assert {
    condition     = strcontains(output.consumer_policy_jsons["processor"], "/pat-emails.processor.quarantine.dlq")
    error_message = "The group writes to it."
  }
}

run "refuses_a_route_that_is_a_wildcard" {
  command = plan
  variables { groups = { processor = { consumes = ["EmailReceived"], dead_letter_routes = ["*"] } } }
  expect_failures = [var.groups]
}

run "refuses_a_group_that_consumes_nothing" {
  command = plan
  variables { groups = { processor = { consumes = [] } } }
  expect_failures = [var.groups]
}

run "refuses_a_policy_longer_than_iam_allows" {
  command = plan
  variables {
    events = { for number in range(60) : "Event${number}" => { topic = "topic-${number}", source = "pat.smtp" } }
    groups = { processor = { consumes = [for number in range(60) : "Event${number}"] } }
  }
  expect_failures = [output.producer_policy_jsons, output.consumer_policy_jsons, output.topic_admin_policy_json, output.operator_policy_json, output.replay_policy_json]
}

run "a_successor_is_open_to_the_same" {
  command = plan
  variables {
    cluster_arns = [
      "arn:aws:kafka:eu-west-1:111122223333:cluster/pat/11111111-2222-3333-4444-555555555555-1",
      "arn:aws:kafka:eu-west-1:111122223333:cluster/pat-express/11111111-2222-3333-4444-555555555555-2",
    ]
    events = { A = { topic = "t", source = "a" } }
    groups = { g = { consumes = ["A"] } }
  }
  assert {
    condition = jsondecode(output.consumer_policy_jsons["g"]).Statement[0].Resource == [for arn in var.cluster_arns : arn] && jsondecode(output.consumer_policy_jsons["g"]).Statement[1].Resource == [
      "arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/t",
      "arn:aws:kafka:eu-west-1:111122223333:topic/pat-express/11111111-2222-3333-4444-555555555555-2/t",
      "arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/t.g.retry",
      "arn:aws:kafka:eu-west-1:111122223333:topic/pat-express/11111111-2222-3333-4444-555555555555-2/t.g.retry",
    ]
    error_message = "A group reads on where its topics go."
  }
  assert {
    condition = jsondecode(output.consumer_policy_jsons["g"]).Statement[3].Resource == [
      "arn:aws:kafka:eu-west-1:111122223333:group/pat/11111111-2222-3333-4444-555555555555-1/g",
      "arn:aws:kafka:eu-west-1:111122223333:group/pat-express/11111111-2222-3333-4444-555555555555-2/g",
    ]
    error_message = "And commits there."
  }
}
