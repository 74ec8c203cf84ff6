mock_provider "aws" {}

variables {
  function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:emails:live"
  kms_key_arn  = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "a_queue_is_read_with_partial_answers" {
  command = plan
  variables {
    queue             = { arn = "arn:aws:sqs:eu-west-1:111122223333:emails", max_concurrency = 20 }
    batch_size        = 500
    batching_window_s = 5
    filters           = [jsonencode({ body = { source = ["pat.smtp"] } })]
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.function_name == var.function_arn && aws_lambda_event_source_mapping.this.event_source_arn == "arn:aws:sqs:eu-west-1:111122223333:emails"
    error_message = "The function, by its alias, and the queue."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "What failed must not count as handled."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.batch_size == 500 && aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds == 5 && aws_lambda_event_source_mapping.this.scaling_config[0].maximum_concurrency == 20 && aws_lambda_event_source_mapping.this.enabled
    error_message = "Batches and concurrency as given."
  }
  assert {
    condition     = one(aws_lambda_event_source_mapping.this.filter_criteria[0].filter).pattern == "{\"body\":{\"source\":[\"pat.smtp\"]}}"
    error_message = "The filter as given."
  }
  assert {
    condition     = length(aws_lambda_event_source_mapping.this.destination_config) == 0 && length(aws_lambda_event_source_mapping.this.provisioned_poller_config) == 0 && aws_lambda_event_source_mapping.this.topics == null
    error_message = "What belongs to topics is not there: a queue has its own dead letters."
  }
  assert {
    condition = jsondecode(output.policy_json).Statement == [
      {
        Sid      = "Consume", Effect = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        Resource = ["arn:aws:sqs:eu-west-1:111122223333:emails"]
      },
      {
        Sid       = "Decrypt", Effect = "Allow", Action = ["kms:Decrypt"], Resource = [var.kms_key_arn]
        Condition = { StringEquals = { "kms:ViaService" = "sqs.eu-west-1.amazonaws.com" } }
      },
    ]
    error_message = "This queue is received from and deleted from, through SQS alone."
  }
}

run "a_topic_is_read_in_provisioned_mode_and_failures_are_told" {
  command = plan
  variables {
    topic = {
      cluster_arn = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat/11111111-2222-3333-4444-555555555555-1"
      name        = "pat-emails", group = "notifier", start = "LATEST", min_pollers = 2, max_pollers = 4, max_retries = 7
    }
    on_failure_arn = "arn:aws:sqs:eu-west-1:111122223333:unhandled"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.function_response_types == toset(["ReportBatchItemFailures"]) && aws_lambda_event_source_mapping.this.provisioned_poller_config[0].minimum_pollers == 2 && aws_lambda_event_source_mapping.this.provisioned_poller_config[0].maximum_pollers == 4
    error_message = "Without provisioned mode Lambda does not look at the answer."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.topics == toset(["pat-emails"]) && aws_lambda_event_source_mapping.this.amazon_managed_kafka_event_source_config[0].consumer_group_id == "notifier" && aws_lambda_event_source_mapping.this.starting_position == "LATEST"
    error_message = "The topic, as the group, from where it was said."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.destination_config[0].on_failure[0].destination_arn == "arn:aws:sqs:eu-west-1:111122223333:unhandled" && aws_lambda_event_source_mapping.this.maximum_retry_attempts == 7 && aws_lambda_event_source_mapping.this.bisect_batch_on_function_error
    error_message = "One bad record does not stop its partition, and is told of."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.batch_size == 100 && length(aws_lambda_event_source_mapping.this.scaling_config) == 0 && length(aws_lambda_event_source_mapping.this.filter_criteria) == 0
    error_message = "A hundred at a time, all of them."
  }
  assert {
    condition = jsondecode(output.policy_json).Statement == [
      {
        Sid      = "FindBrokers", Effect = "Allow", Action = ["kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"]
        Resource = ["arn:aws:kafka:eu-west-1:111122223333:cluster/pat/11111111-2222-3333-4444-555555555555-1"]
      },
      {
        Sid      = "Connect", Effect = "Allow", Action = ["kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration"]
        Resource = ["arn:aws:kafka:eu-west-1:111122223333:cluster/pat/11111111-2222-3333-4444-555555555555-1"]
      },
      {
        Sid      = "Consume", Effect = "Allow", Action = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = ["arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/pat-emails"]
      },
      {
        Sid      = "CommitOffsets", Effect = "Allow", Action = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
        Resource = ["arn:aws:kafka:eu-west-1:111122223333:group/pat/11111111-2222-3333-4444-555555555555-1/notifier"]
      },
      {
        Sid      = "JoinNetwork", Effect = "Allow"
        Action   = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
        Resource = ["*"]
      },
      { Sid = "ReportFailures", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-west-1:111122223333:unhandled"] },
      {
        Sid       = "EncryptFailures", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [var.kms_key_arn]
        Condition = { StringEquals = { "kms:ViaService" = "sqs.eu-west-1.amazonaws.com" } }
      },
    ]
    error_message = "One topic is read as one group, and failures are told to one queue."
  }
}

run "a_source_can_be_paused" {
  command = plan
  variables {
    queue   = { arn = "arn:aws:sqs:eu-west-1:111122223333:emails" }
    enabled = false
  }
  assert {
    condition     = !aws_lambda_event_source_mapping.this.enabled && aws_lambda_event_source_mapping.this.batch_size == 10
    error_message = "Nothing is read, ten at a time once it is."
  }
}

run "refuses_no_source" {
  command         = plan
  expect_failures = [var.topic]
}

run "refuses_two_sources" {
  command = plan
  variables {
    queue = { arn = "arn:aws:sqs:eu-west-1:111122223333:emails" }
    topic = { cluster_arn = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat/1", name = "t", group = "g" }
  }
  expect_failures = [var.topic]
}

run "refuses_a_destination_of_a_queue" {
  command = plan
  variables {
    queue          = { arn = "arn:aws:sqs:eu-west-1:111122223333:emails" }
    on_failure_arn = "arn:aws:sqs:eu-west-1:111122223333:unhandled"
  }
  expect_failures = [var.on_failure_arn]
}

run "refuses_a_topic_whose_failures_nobody_is_told_of" {
  command = plan
  variables { topic = { cluster_arn = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat/1", name = "t", group = "g" } }
  expect_failures = [var.on_failure_arn]
}

run "refuses_a_fifo_queue_for_failures" {
  command = plan
  variables {
    topic          = { cluster_arn = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat/1", name = "t", group = "g" }
    on_failure_arn = "arn:aws:sqs:eu-west-1:111122223333:unhandled.fifo"
  }
  expect_failures = [var.on_failure_arn]
}

run "refuses_a_wildcard_for_a_topic" {
  command = plan
  variables {
    topic          = { cluster_arn = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat/1", name = "*", group = "g" }
    on_failure_arn = "arn:aws:sqs:eu-west-1:111122223333:unhandled"
  }
  expect_failures = [var.topic]
}

run "refuses_retries_without_end" {
  command = plan
  variables {
    topic          = { cluster_arn = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat/1", name = "t", group = "g", max_retries = -1 }
    on_failure_arn = "arn:aws:sqs:eu-west-1:111122223333:unhandled"
  }
  expect_failures = [var.topic]
}

run "refuses_fewer_pollers_than_it_begins_with_and_another_start" {
  command = plan
  variables {
    topic          = { cluster_arn = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat/1", name = "t", group = "g", min_pollers = 3, max_pollers = 2, start = "NOW" }
    on_failure_arn = "arn:aws:sqs:eu-west-1:111122223333:unhandled"
  }
  expect_failures = [var.topic]
}

run "refuses_a_part_of_a_cluster_arn" {
  command = plan
  variables {
    topic          = { cluster_arn = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat", name = "t", group = "g" }
    on_failure_arn = "arn:aws:sqs:eu-west-1:111122223333:unhandled"
  }
  expect_failures = [var.topic]
}

run "refuses_the_url_of_a_queue" {
  command = plan
  variables { queue = { arn = "https://sqs.eu-west-1.amazonaws.com/111122223333/emails" } }
  expect_failures = [var.queue]
}

run "refuses_a_concurrency_of_one" {
  command = plan
  variables { queue = { arn = "arn:aws:sqs:eu-west-1:111122223333:emails", max_concurrency = 1 } }
  expect_failures = [var.queue]
}

run "refuses_a_large_batch_without_a_window" {
  command = plan
  variables {
    queue      = { arn = "arn:aws:sqs:eu-west-1:111122223333:emails" }
    batch_size = 11
  }
  expect_failures = [var.batching_window_s]
}

run "refuses_a_large_batch_of_a_fifo_queue" {
  command = plan
  variables {
    queue      = { arn = "arn:aws:sqs:eu-west-1:111122223333:emails.fifo" }
    batch_size = 11
  }
  expect_failures = [var.batch_size]
}

run "refuses_a_window_of_a_fifo_queue" {
  command = plan
  variables {
    queue             = { arn = "arn:aws:sqs:eu-west-1:111122223333:emails.fifo" }
    batching_window_s = 1
  }
  expect_failures = [var.batching_window_s]
}

run "refuses_a_window_beyond_five_minutes" {
  command = plan
  variables {
    queue             = { arn = "arn:aws:sqs:eu-west-1:111122223333:emails" }
    batching_window_s = 301
  }
  expect_failures = [var.batching_window_s]
}

run "refuses_a_filter_that_is_no_json_and_a_sixth" {
  command = plan
  variables {
    queue   = { arn = "arn:aws:sqs:eu-west-1:111122223333:emails" }
    filters = ["source = pat", "{}", "{}", "{}", "{}", "{}"]
  }
  expect_failures = [var.filters]
}

run "refuses_a_function_by_name" {
  command = plan
  variables {
    function_arn = "emails"
    queue        = { arn = "arn:aws:sqs:eu-west-1:111122223333:emails" }
  }
  expect_failures = [var.function_arn]
}

run "refuses_an_alias_for_a_key" {
  command = plan
  variables {
    kms_key_arn = "alias/aws/sqs"
    queue       = { arn = "arn:aws:sqs:eu-west-1:111122223333:emails" }
  }
  expect_failures = [var.kms_key_arn]
}
