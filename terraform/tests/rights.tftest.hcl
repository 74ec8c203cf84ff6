# Who may do what: policies to attach, the key, the bus. Statement by statement.
mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-west-1:111122223333:topic" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/role" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:111122223333:log-group:logs" }
  }
  mock_resource "aws_cloudwatch_event_bus" {
    defaults = { arn = "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test" }
  }
  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:workflow" }
  }
}

override_resource {
  target          = module.topic["user-notifications"].aws_sns_topic.this
  override_during = plan
  values          = { arn = "arn:aws:sns:eu-west-1:111122223333:user-notifications" }
}

# Queues' ARNs are left unknown: a mocked one would be the same for FIFO and standard.
override_resource {
  target          = module.queue["notifications"].aws_sqs_queue.this
  override_during = plan
  values          = { arn = "arn:aws:sqs:eu-west-1:111122223333:pat-test-notifications.fifo" }
}

variables {
  alert_subscribers = { critical-alerts = ["c@example.com"] }
  environment       = "test"
  region            = "eu-west-1"
  enable_msk        = false
}

run "the_key_is_open_to_the_services_that_need_it_and_no_other" {
  command = plan

  assert {
    condition = jsondecode(module.key.policy_json).Statement == [
      { Sid = "AccountAdministersByIAM", Effect = "Allow", Principal = { AWS = "arn:aws:iam::111122223333:root" }, Action = "kms:*", Resource = "*" },
      {
        Sid       = "CloudWatchAlarms", Effect = "Allow", Principal = { Service = "cloudwatch.amazonaws.com" }, Resource = "*"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Condition = { StringEquals = { "aws:SourceAccount" = ["111122223333"] } }
      },
      {
        Sid       = "CloudWatchLogs", Effect = "Allow", Principal = { Service = "logs.eu-west-1.amazonaws.com" }, Resource = "*"
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = ["arn:aws:logs:eu-west-1:111122223333:log-group:*"] } }
      },
      {
        # It names no source towards KMS: a condition would lose every event.
        Sid    = "EventBridge", Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Resource = "*"
        Action = ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey", "kms:ReEncrypt*"]
      },
      {
        Sid    = "Topics", Effect = "Allow", Principal = { Service = "sns.amazonaws.com" }, Resource = "*"
        Action = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Condition = {
          ArnLike      = { "aws:SourceArn" = ["arn:aws:sns:eu-west-1:111122223333:pat-test-*"] }
          StringEquals = { "aws:SourceAccount" = ["111122223333"] }
        }
      },
    ]
    error_message = "Alarms, logs, EventBridge and topics, for what is this platform's."
  }
}

run "a_key_of_ones_own_is_used_and_told_what_it_needs" {
  command = plan
  variables { kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/22222222-2222-3333-4444-555555555555" }

  assert {
    condition     = output.kms_key_arn == "arn:aws:kms:eu-west-1:111122223333:key/22222222-2222-3333-4444-555555555555" && jsondecode(output.queue_consumer_policies["notifications"]).Statement[1].Resource == output.kms_key_arn
    error_message = "Everything is under that key."
  }
  assert {
    condition     = jsondecode(output.kms_key_policy).Statement[*].Sid == ["AccountAdministersByIAM", "CloudWatchAlarms", "CloudWatchLogs", "EventBridge", "Topics"]
    error_message = "Its policy has to let services use it."
  }
}

run "services_get_least_privilege" {
  command = plan

  assert {
    condition = jsondecode(output.publisher_policies["pat.smtp"]).Statement == [
      {
        Sid       = "Publish", Effect = "Allow", Action = "events:PutEvents"
        Resource  = "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test"
        Condition = { StringEquals = { "events:source" = "pat.smtp" } }
      },
      { Sid = "LookAtBus", Effect = "Allow", Action = "events:DescribeEventBus", Resource = "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test" },
    ]
    error_message = "A service publishes as itself only."
  }
  assert {
    condition = jsondecode(output.queue_sender_policies["notifications"]).Statement == [
      {
        Sid      = "Send", Effect = "Allow", Action = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
        Resource = "arn:aws:sqs:eu-west-1:111122223333:pat-test-notifications.fifo"
      },
      {
        Sid       = "Encrypt", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
        Condition = { StringEquals = { "kms:ViaService" = "sqs.eu-west-1.amazonaws.com" } }
      },
    ]
    error_message = "A sender sends to its queue alone, and uses the key through SQS alone."
  }
  assert {
    condition = jsondecode(output.queue_consumer_policies["notifications"]).Statement == [
      {
        Sid      = "Consume", Effect = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
        Resource = "arn:aws:sqs:eu-west-1:111122223333:pat-test-notifications.fifo"
      },
      {
        Sid       = "Decrypt", Effect = "Allow", Action = "kms:Decrypt"
        Resource  = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
        Condition = { StringEquals = { "kms:ViaService" = "sqs.eu-west-1.amazonaws.com" } }
      },
    ]
    error_message = "A consumer receives and deletes, from its queue alone."
  }
  assert {
    condition = jsondecode(output.user_notifications_policy).Statement == [
      { Sid = "Notify", Effect = "Allow", Action = ["sns:GetTopicAttributes", "sns:Publish"], Resource = "arn:aws:sns:eu-west-1:111122223333:user-notifications" },
      {
        Sid       = "Encrypt", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
        Condition = { StringEquals = { "kms:ViaService" = "sns.eu-west-1.amazonaws.com" } }
      },
    ]
    error_message = "Who notifies publishes to that topic alone."
  }
  assert {
    condition     = output.archive_reader_policy == null
    error_message = "No archive, no right to read it."
  }
}

run "operators_get_dead_letters_and_replays_and_no_more" {
  command = plan
  variables { catalog_file = "tests/catalogs/one.yaml" }

  override_resource {
    target          = module.queue["q"].aws_sqs_queue.this
    override_during = plan
    values          = { arn = "arn:aws:sqs:eu-west-1:111122223333:pat-test-q" }
  }
  override_resource {
    target          = module.queue["q"].aws_sqs_queue.dead_letter
    override_during = plan
    values          = { arn = "arn:aws:sqs:eu-west-1:111122223333:pat-test-q-dlq" }
  }
  override_resource {
    target          = module.bus.aws_sqs_queue.dead_letter
    override_during = plan
    values          = { arn = "arn:aws:sqs:eu-west-1:111122223333:pat-test-undelivered" }
  }

  assert {
    condition = jsondecode(output.dead_letter_policy).Statement == [
      {
        Sid      = "ReadDeadLetters", Effect = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:PurgeQueue", "sqs:ReceiveMessage"]
        Resource = ["arn:aws:sqs:eu-west-1:111122223333:pat-test-q-dlq", "arn:aws:sqs:eu-west-1:111122223333:pat-test-undelivered"]
      },
      {
        Sid      = "Redrive", Effect = "Allow"
        Action   = ["sqs:CancelMessageMoveTask", "sqs:ListDeadLetterSourceQueues", "sqs:ListMessageMoveTasks", "sqs:StartMessageMoveTask"]
        Resource = ["arn:aws:sqs:eu-west-1:111122223333:pat-test-q-dlq"]
      },
      {
        Sid      = "ReturnToQueues", Effect = "Allow", Action = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
        Resource = ["arn:aws:sqs:eu-west-1:111122223333:pat-test-q"]
      },
      {
        Sid       = "DecryptAndEncrypt", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
        Condition = { StringEquals = { "kms:ViaService" = "sqs.eu-west-1.amazonaws.com" } }
      },
    ]
    error_message = "Dead letters of queues and bus are read; those of queues go back to queues."
  }
  assert {
    condition = jsondecode(output.replay_policy).Statement == [
      { Sid = "LookAtArchive", Effect = "Allow", Action = "events:DescribeArchive", Resource = "arn:aws:events:eu-west-1:111122223333:archive/pat-test-archive" },
      {
        Sid      = "LookAtBusAndRules", Effect = "Allow", Action = ["events:DescribeEventBus", "events:DescribeRule"]
        Resource = ["arn:aws:events:eu-west-1:111122223333:event-bus/pat-test", "arn:aws:events:eu-west-1:111122223333:rule/pat-test/*"]
      },
      { Sid = "ListAll", Effect = "Allow", Action = ["events:ListArchives", "events:ListReplays", "events:ListRules"], Resource = "*" },
      {
        Sid      = "StartReplay", Effect = "Allow", Action = "events:StartReplay"
        Resource = ["arn:aws:events:eu-west-1:111122223333:archive/pat-test-archive", "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test", "arn:aws:events:eu-west-1:111122223333:replay/pat-test-*"]
      },
      {
        Sid      = "WatchAndEndReplay", Effect = "Allow", Action = ["events:CancelReplay", "events:DescribeReplay"]
        Resource = "arn:aws:events:eu-west-1:111122223333:replay/pat-test-*"
      },
      { Sid = "ListReplays", Effect = "Allow", Action = "events:ListReplays", Resource = "*" },
      { Sid = "LookForRule", Effect = "Allow", Action = "events:DescribeRule", Resource = "arn:aws:events:eu-west-1:111122223333:rule/pat-test/*" },
    ]
    error_message = "This archive is replayed to this bus, by names of this platform."
  }
  assert {
    condition = jsondecode(output.doctor_policy).Statement == [
      {
        Sid      = "LookAtBus", Effect = "Allow"
        Action   = ["events:DescribeArchive", "events:DescribeEventBus", "events:DescribeRule"]
        Resource = ["arn:aws:events:eu-west-1:111122223333:event-bus/pat-test", "arn:aws:events:eu-west-1:111122223333:archive/pat-test-archive", "arn:aws:events:eu-west-1:111122223333:rule/pat-test/*"]
      },
      { Sid = "ListAll", Effect = "Allow", Action = ["events:ListArchives", "events:ListReplays", "events:ListRules"], Resource = "*" },
      {
        Sid      = "LookAtQueues", Effect = "Allow", Action = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListDeadLetterSourceQueues"]
        Resource = ["arn:aws:sqs:eu-west-1:111122223333:pat-test-q", "arn:aws:sqs:eu-west-1:111122223333:pat-test-q-dlq", "arn:aws:sqs:eu-west-1:111122223333:pat-test-undelivered"]
      },
      {
        Sid      = "LookAtTopics", Effect = "Allow", Action = ["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"]
        Resource = ["arn:aws:sns:eu-west-1:111122223333:topic", "arn:aws:sns:eu-west-1:111122223333:topic", "arn:aws:sns:eu-west-1:111122223333:topic", "arn:aws:sns:eu-west-1:111122223333:user-notifications"]
      },
      { Sid = "LookAtKey", Effect = "Allow", Action = "kms:DescribeKey", Resource = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555" },
    ]
    error_message = "Who looks changes nothing, and reads no message."
  }
}

run "a_function_that_gives_up_tells_the_queue_for_it" {
  command = plan
  variables {
    catalog_file        = "tests/catalogs/wired.yaml"
    workflow_step_event = "Step"
    function_arns       = { f = "arn:aws:lambda:eu-west-1:111122223333:function:f:live" }
    function_failures   = ["f"]
    claim_check         = {}
  }
  override_module {
    target          = module.queue["q"]
    override_during = plan
    outputs         = { arn = "arn:aws:sqs:eu-west-1:111122223333:pat-test-q", dead_letter_arn = "arn:aws:sqs:eu-west-1:111122223333:pat-test-q-dlq" }
  }
  override_module {
    target          = module.queue["ordered"]
    override_during = plan
    outputs         = { arn = "arn:aws:sqs:eu-west-1:111122223333:pat-test-ordered.fifo", dead_letter_arn = "arn:aws:sqs:eu-west-1:111122223333:pat-test-ordered-dlq.fifo" }
  }
  override_resource {
    target          = module.bus.aws_sqs_queue.dead_letter
    override_during = plan
    values          = { arn = "arn:aws:sqs:eu-west-1:111122223333:pat-test-undelivered" }
  }
  override_resource {
    target          = aws_sqs_queue.unhandled[0]
    override_during = plan
    values          = { arn = "arn:aws:sqs:eu-west-1:111122223333:pat-test-unhandled" }
  }

  assert {
    condition = (
      aws_lambda_function_event_invoke_config.this["f"].function_name == "arn:aws:lambda:eu-west-1:111122223333:function:f"
      && aws_lambda_function_event_invoke_config.this["f"].qualifier == "live"
      && aws_lambda_function_event_invoke_config.this["f"].destination_config[0].on_failure[0].destination == "arn:aws:sqs:eu-west-1:111122223333:pat-test-unhandled"
    )
    error_message = "The alias that rules invoke."
  }
  assert {
    condition     = aws_sqs_queue.unhandled[0].name == "pat-test-unhandled" && aws_sqs_queue.unhandled[0].kms_master_key_id == "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
    error_message = "A standard queue under the platform's key."
  }
  assert {
    condition = jsondecode(aws_sqs_queue.unhandled[0].policy).Statement == [{
      Sid       = "DenyWithoutTLS", Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = "arn:aws:sqs:eu-west-1:111122223333:pat-test-unhandled"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "No service sends to it but as a role that may."
  }
  assert {
    condition = jsondecode(output.unhandled_policy).Statement == [
      { Sid = "TellFailures", Effect = "Allow", Action = "sqs:SendMessage", Resource = "arn:aws:sqs:eu-west-1:111122223333:pat-test-unhandled" },
      {
        Sid       = "Encrypt", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
        Condition = { StringEquals = { "kms:ViaService" = "sqs.eu-west-1.amazonaws.com" } }
      },
    ]
    error_message = "The function's role sends there, and uses the key through SQS alone."
  }
  assert {
    condition = (
      contains(jsondecode(output.dead_letter_policy).Statement[0].Resource, "arn:aws:sqs:eu-west-1:111122223333:pat-test-unhandled")
      && contains(jsondecode(output.doctor_policy).Statement[2].Resource, "arn:aws:sqs:eu-west-1:111122223333:pat-test-unhandled")
      && !contains(jsondecode(output.dead_letter_policy).Statement[1].Resource, "arn:aws:sqs:eu-west-1:111122223333:pat-test-unhandled")
    )
    error_message = "Operators read it; it is no queue's dead letters."
  }
  assert {
    condition = jsondecode(output.doctor_policy).Statement[5] == {
      Sid      = "LookAtClaims", Effect = "Allow", Action = "s3:ListBucket"
      Resource = "arn:aws:s3:::pat-test-claims-111122223333-eu-west-1"
    }
    error_message = "The bucket of payloads is looked at as well."
  }
  assert {
    condition = (
      jsondecode(output.claim_check_sender_policy).Statement[0].Resource == "arn:aws:s3:::pat-test-claims-111122223333-eu-west-1/claims/*"
      && jsondecode(output.claim_check_reader_policy).Statement[0].Resource == "arn:aws:s3:::pat-test-claims-111122223333-eu-west-1/claims/*"
      && output.claim_check == { bucket = "pat-test-claims-111122223333-eu-west-1", prefix = "claims/" }
    )
    error_message = "Payloads are put and got under the prefix."
  }
  assert {
    condition = output.pat_events_settings == {
      PAT_EVENTS_AWS_REGION         = "eu-west-1"
      PAT_EVENTS_CLAIM_CHECK_BUCKET = "pat-test-claims-111122223333-eu-west-1"
      PAT_EVENTS_CLAIM_CHECK_PREFIX = "claims/"
    }
    error_message = "The package is told where."
  }
  assert {
    condition     = module.claim_check[0].settings.expire_after_days == 30
    error_message = "7 days in the bus's archive, 8 in a queue, 14 in its dead-letter queue, and a day."
  }
}

run "payloads_are_kept_in_a_bucket_that_is_there" {
  command = plan
  variables { claim_check = { bucket = "data-lake" } }

  assert {
    condition     = output.claim_check == { bucket = "data-lake", prefix = "claims/" } && jsondecode(output.claim_check_sender_policy).Statement[0].Resource == "arn:aws:s3:::data-lake/claims/*"
    error_message = "That bucket, under the prefix, and none is made."
  }
}

run "payloads_are_protected_like_the_rest" {
  command = plan
  variables {
    claim_check         = {}
    deletion_protection = true
  }

  assert {
    condition     = module.claim_check[0].settings.deletion_protection
    error_message = "No plan deletes their bucket."
  }
}

run "refuses_to_forget_payloads_before_their_events" {
  command = plan
  variables { claim_check = { expire_after_days = 37 } }
  expect_failures = [var.claim_check]
}

run "refuses_a_key_the_claim_check_has_not" {
  command = plan
  variables { claim_check = { expires_after_days = 40 } }
  expect_failures = [terraform_data.inputs]
}

run "refuses_to_let_somebody_elses_objects_expire" {
  command = plan
  variables { claim_check = { bucket = "data-lake", expire_after_days = 40 } }
  expect_failures = [var.claim_check]
}

run "warns_that_critical_alarms_reach_nobody" {
  command = plan
  variables { alert_subscribers = { alerts = ["a@example.com"] } }
  expect_failures = [check.somebody_hears]
}

run "a_slack_channel_hears_as_well" {
  command = plan
  variables {
    alert_subscribers = {}
    alert_slack       = { team_id = "T1", channels = { critical-alerts = "C2" } }
  }
  assert {
    condition = jsondecode(aws_iam_role.slack[0].assume_role_policy).Statement == [{
      Effect    = "Allow", Principal = { Service = "chatbot.amazonaws.com" }, Action = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = "111122223333" } }
    }]
    error_message = "Only for this account."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.slack[0].policy).Statement == [
      { Sid = "LookAtAlarms", Effect = "Allow", Action = "cloudwatch:DescribeAlarms", Resource = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:*" },
      { Sid = "DrawCharts", Effect = "Allow", Action = ["cloudwatch:GetMetricData", "cloudwatch:GetMetricWidgetImage"], Resource = "*" },
    ]
    error_message = "It looks at alarms and no more."
  }
  assert {
    condition     = aws_chatbot_slack_channel_configuration.this["C2"].sns_topic_arns == toset(["arn:aws:sns:eu-west-1:111122223333:topic"]) && length(aws_sqs_queue.unheard) == 0
    error_message = "The channel hears its topic."
  }
}

run "refuses_a_channel_of_no_topic" {
  command = plan
  variables { alert_slack = { team_id = "T1", channels = { critical = "C2" } } }
  expect_failures = [var.alert_slack]
}

run "refuses_a_channel_by_name" {
  command = plan
  variables { alert_slack = { team_id = "T1", channels = { critical-alerts = "#oncall" } } }
  expect_failures = [var.alert_slack]
}

run "refuses_plain_http_for_subscribers" {
  command = plan
  variables { alert_subscribers = { critical-alerts = ["http://example.com"] } }
  expect_failures = [var.alert_subscribers]
}

run "refuses_a_threshold_of_no_alarm" {
  command = plan
  variables { alarm_thresholds = { queue-email-procesing-old = 5 } }
  expect_failures = [var.alarm_thresholds]
}

run "refuses_failures_of_a_function_there_is_not" {
  command = plan
  variables { function_failures = ["email-procesor"] }
  expect_failures = [var.function_failures]
}

run "refuses_a_source_there_is_not" {
  command = plan
  variables { function_sources = { emails = { function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:emails", queue = "email" } } }
  expect_failures = [var.function_sources]
}

run "refuses_an_unknown_key_of_a_source" {
  command = plan
  variables { function_sources = { emails = { function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:emails", queue = "email-processing", batchsize = 5 } } }
  expect_failures = [terraform_data.inputs]
}

run "refuses_a_source_that_is_none" {
  command = plan
  variables { function_sources = { emails = { function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:emails" } } }
  expect_failures = [var.function_sources]
}

run "refuses_a_topic_without_a_cluster" {
  command = plan
  variables { function_sources = { emails = { function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:emails", topic = "pat-emails", group = "notifier" } } }
  expect_failures = [var.function_sources]
}

run "only_named_roles_claim_a_source_and_workflows_go_on" {
  command = plan
  variables {
    event_source_roles       = { "pat.smtp" = ["arn:aws:iam::111122223333:role/smtp"], "pat.plugins" = ["arn:aws:iam::111122223333:role/plugins"] }
    event_publisher_accounts = { "444455556666" = ["pat.api"] }
  }

  assert {
    condition = jsondecode(module.bus.policy_json.bus).Statement == [
      {
        Sid = "OnlyPatPlugins", Effect = "Deny", Principal = "*", Action = "events:PutEvents", Resource = "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test"
        Condition = {
          StringEquals = { "events:source" = "pat.plugins" }
          ArnNotLike   = { "aws:PrincipalArn" = ["arn:aws:iam::111122223333:role/plugins", "arn:aws:iam::111122223333:role/role"] }
        }
      },
      {
        Sid = "OnlyPatSmtp", Effect = "Deny", Principal = "*", Action = "events:PutEvents", Resource = "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test"
        Condition = {
          StringEquals = { "events:source" = "pat.smtp" }
          ArnNotLike   = { "aws:PrincipalArn" = ["arn:aws:iam::111122223333:role/smtp"] }
        }
      },
      {
        Sid       = "PublishFrom444455556666", Effect = "Allow", Action = "events:PutEvents", Resource = "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test"
        Principal = { AWS = "arn:aws:iam::444455556666:root" }
        Condition = { StringEquals = { "events:source" = ["pat.api"] } }
      },
    ]
    error_message = "Named roles alone claim their source, and workflows that of their steps; another account its own."
  }
}

run "refuses_roles_of_a_source_there_is_not" {
  command = plan
  variables { event_source_roles = { "pat.smpt" = ["arn:aws:iam::111122223333:role/smtp"] } }
  expect_failures = [var.event_source_roles]
}

run "refuses_an_account_that_claims_a_source_there_is_not" {
  command = plan
  variables { event_publisher_accounts = { "444455556666" = ["pat.smpt"] } }
  expect_failures = [var.event_publisher_accounts]
}
