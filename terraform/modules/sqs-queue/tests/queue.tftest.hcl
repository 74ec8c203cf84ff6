mock_provider "aws" {}

variables {
  name               = "pat-test-email-processing"
  account            = { id = "111122223333", region = "eu-west-1" }
  kms_key_arn        = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  consumer_timeout_s = 60
  senders = {
    Events = {
      service     = "events.amazonaws.com"
      source_arns = ["arn:aws:events:eu-west-1:111122223333:rule/pat-test/email-received"]
    }
  }
}

run "a_standard_queue_with_its_dead_letter_queue" {
  command = plan

  assert {
    condition     = aws_sqs_queue.this.visibility_timeout_seconds == 360
    error_message = "The visibility timeout is six times the consumer's."
  }
  assert {
    condition     = aws_sqs_queue.this.message_retention_seconds == 604800 && aws_sqs_queue.dead_letter.message_retention_seconds == 1209600
    error_message = "Messages live 7 days, dead letters 14."
  }
  assert {
    condition     = aws_sqs_queue.this.kms_master_key_id == var.kms_key_arn && aws_sqs_queue.dead_letter.kms_master_key_id == var.kms_key_arn
    error_message = "Both queues are encrypted with the given key."
  }
  assert {
    condition     = aws_sqs_queue.this.name == "pat-test-email-processing" && aws_sqs_queue.dead_letter.name == "pat-test-email-processing-dlq"
    error_message = "The dead-letter queue is named after its queue."
  }
  assert {
    condition = jsondecode(aws_sqs_queue.dead_letter.redrive_allow_policy) == {
      redrivePermission = "byQueue"
      sourceQueueArns   = ["arn:aws:sqs:eu-west-1:111122223333:pat-test-email-processing"]
    }
    error_message = "Only its own queue may use a dead-letter queue."
  }
}

run "the_policy_lets_only_the_rule_send" {
  command = plan

  assert {
    condition     = length(jsondecode(output.policy_json.queue).Statement) == 2
    error_message = "The queue's policy denies plain HTTP and allows one rule, nothing else."
  }
  assert {
    condition = jsondecode(output.policy_json.queue).Statement[0] == {
      Sid       = "DenyWithoutTLS", Effect = "Deny", Principal = "*", Action = "sqs:*"
      Resource  = "arn:aws:sqs:eu-west-1:111122223333:pat-test-email-processing"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
    error_message = "Requests without TLS are refused."
  }
  assert {
    condition = jsondecode(output.policy_json.queue).Statement[1] == {
      Sid       = "SendEvents", Effect = "Allow", Action = "sqs:SendMessage"
      Principal = { Service = "events.amazonaws.com" }
      Resource  = "arn:aws:sqs:eu-west-1:111122223333:pat-test-email-processing"
      Condition = { ArnEquals = { "aws:SourceArn" = ["arn:aws:events:eu-west-1:111122223333:rule/pat-test/email-received"] } }
    }
    error_message = "EventBridge sends for the named rule and for no other."
  }
  assert {
    condition     = length(jsondecode(output.policy_json.dead_letter).Statement) == 1
    error_message = "Nobody but the queue's own redrive writes to the dead-letter queue."
  }
  assert {
    condition     = aws_sqs_queue.this.policy == output.policy_json.queue && aws_sqs_queue.dead_letter.policy == output.policy_json.dead_letter
    error_message = "The queues carry these policies."
  }
}

run "a_fifo_queue_has_a_fifo_dead_letter_queue" {
  command = plan
  variables { fifo = true }

  assert {
    condition     = aws_sqs_queue.this.name == "pat-test-email-processing.fifo" && aws_sqs_queue.dead_letter.name == "pat-test-email-processing-dlq.fifo"
    error_message = "Both names end in .fifo."
  }
  assert {
    condition     = aws_sqs_queue.this.content_based_deduplication && aws_sqs_queue.dead_letter.fifo_queue
    error_message = "EventBridge sends no deduplication id: without content-based deduplication its events are refused."
  }
  assert {
    condition     = aws_sqs_queue.this.deduplication_scope == "messageGroup" && aws_sqs_queue.this.fifo_throughput_limit == "perMessageGroupId"
    error_message = "Message groups do not slow each other."
  }
}

run "a_longer_visibility_timeout_is_kept" {
  command = plan
  variables { visibility_timeout_s = 900 }
  assert {
    condition     = aws_sqs_queue.this.visibility_timeout_seconds == 900
    error_message = "A visibility timeout that is long enough is used as given."
  }
}

run "refuses_a_visibility_timeout_below_six_times_the_consumers" {
  command = plan
  variables { visibility_timeout_s = 359 }
  expect_failures = [var.visibility_timeout_s]
}

run "refuses_a_visibility_timeout_above_twelve_hours" {
  command = plan
  variables { visibility_timeout_s = 43201 }
  expect_failures = [var.visibility_timeout_s]
}

run "refuses_a_consumer_too_slow_for_sqs" {
  command = plan
  variables { consumer_timeout_s = 7201 }
  expect_failures = [var.consumer_timeout_s]
}

run "refuses_retention_below_seven_days" {
  command = plan
  variables { retention_s = 604799 }
  expect_failures = [var.retention_s]
}

run "refuses_one_receive_only" {
  command = plan
  variables { max_receive_count = 1 }
  expect_failures = [var.max_receive_count]
}

run "refuses_the_fifo_ending_in_the_name" {
  command = plan
  variables { name = "notifications.fifo" }
  expect_failures = [var.name]
}

run "refuses_an_alias_for_a_key" {
  command = plan
  variables { kms_key_arn = "alias/aws/sqs" }
  expect_failures = [var.kms_key_arn]
}

run "refuses_a_sender_without_source" {
  command = plan
  variables { senders = { Events = { service = "events.amazonaws.com", source_arns = [] } } }
  expect_failures = [var.senders]
}

run "refuses_a_sender_that_is_no_service" {
  command = plan
  variables { senders = { All = { service = "*", source_arns = ["arn:aws:sns:eu-west-1:111122223333:t"] } } }
  expect_failures = [var.senders]
}

run "refuses_any_source_for_dead_letters" {
  command = plan
  variables { dead_letter_senders = { Events = { service = "events.amazonaws.com", source_arns = ["*"] } } }
  expect_failures = [var.dead_letter_senders]
}

run "a_protected_queue_refuses_its_deletion_to_everybody" {
  command = plan
  variables {
    deletion_protection = true
    delay_s             = 900
  }

  assert {
    condition     = alltrue([for policy in values(output.policy_json) : [for s in jsondecode(policy).Statement : s.Principal if s.Action == "sqs:DeleteQueue" && s.Effect == "Deny"] == ["*"]])
    error_message = "Queue and dead-letter queue."
  }
  assert {
    condition     = aws_sqs_queue.this.delay_seconds == 900
    error_message = "A message waits as long as is said."
  }
}

run "refuses_a_delay_beyond_a_quarter_of_an_hour" {
  command = plan
  variables { delay_s = 901 }
  expect_failures = [var.delay_s]
}
