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
  environment = "test"
  region      = "eu-west-1"
  enable_msk  = false
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

run "services_get_least_privilege" {
  command = plan

  assert {
    condition = jsondecode(output.publisher_policies["pat.smtp"]).Statement == [{
      Sid       = "Publish", Effect = "Allow", Action = "events:PutEvents"
      Resource  = "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test"
      Condition = { StringEquals = { "events:source" = "pat.smtp" } }
    }]
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
      { Sid = "Notify", Effect = "Allow", Action = "sns:Publish", Resource = "arn:aws:sns:eu-west-1:111122223333:user-notifications" },
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
        Action   = ["sqs:CancelMessageMoveTask", "sqs:ListMessageMoveTasks", "sqs:StartMessageMoveTask"]
        Resource = ["arn:aws:sqs:eu-west-1:111122223333:pat-test-q-dlq"]
      },
      {
        Sid      = "ReturnToQueues", Effect = "Allow", Action = "sqs:SendMessage"
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
