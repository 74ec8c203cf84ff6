mock_provider "aws" {}

variables {
  name        = "pat-test-alerts"
  account     = { id = "111122223333", region = "eu-west-1" }
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  publishers  = { Alarms = { service = "cloudwatch.amazonaws.com" } }
}

run "the_policy_lets_alarms_of_the_account_publish_and_nobody_else" {
  command = plan

  assert {
    condition     = length(jsondecode(output.policy_json).Statement) == 2
    error_message = "One denial, one permission."
  }
  assert {
    condition = jsondecode(output.policy_json).Statement[0] == {
      Sid       = "DenyWithoutTLS", Effect = "Deny", Principal = "*", Action = "sns:Publish"
      Resource  = "arn:aws:sns:eu-west-1:111122223333:pat-test-alerts"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
    error_message = "Publishing without TLS is refused."
  }
  assert {
    condition = jsondecode(output.policy_json).Statement[1] == {
      Sid       = "PublishAlarms", Effect = "Allow", Action = "sns:Publish"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Resource  = "arn:aws:sns:eu-west-1:111122223333:pat-test-alerts"
      Condition = { StringEquals = { "aws:SourceAccount" = "111122223333" } }
    }
    error_message = "CloudWatch publishes for this account's alarms only."
  }
  assert {
    condition     = aws_sns_topic.this.policy == output.policy_json && aws_sns_topic.this.kms_master_key_id == var.kms_key_arn
    error_message = "The topic carries the policy and is encrypted with the given key."
  }
}

run "a_queue_subscribes_with_filter_and_dead_letters" {
  command = plan
  variables {
    subscriptions = {
      audit = {
        protocol        = "sqs"
        endpoint        = "arn:aws:sqs:eu-west-1:111122223333:audit"
        raw_message     = true
        filter_policy   = { severity = ["critical"] }
        dead_letter_arn = "arn:aws:sqs:eu-west-1:111122223333:audit-dlq"
      }
      oncall = { protocol = "email", endpoint = "oncall@example.com" }
    }
  }
  assert {
    condition     = jsondecode(aws_sns_topic_subscription.this["audit"].filter_policy) == { severity = ["critical"] }
    error_message = "The filter is handed on."
  }
  assert {
    condition     = jsondecode(aws_sns_topic_subscription.this["audit"].redrive_policy).deadLetterTargetArn == "arn:aws:sqs:eu-west-1:111122223333:audit-dlq"
    error_message = "Undeliverable messages go to the dead-letter queue."
  }
  assert {
    condition     = aws_sns_topic_subscription.this["oncall"].endpoint == "oncall@example.com"
    error_message = "E-mail needs an address and no more."
  }
}

run "refuses_plain_http" {
  command = plan
  variables { subscriptions = { hook = { protocol = "http", endpoint = "http://example.com" } } }
  expect_failures = [var.subscriptions]
}

run "refuses_a_queue_without_dead_letters" {
  command = plan
  variables { subscriptions = { audit = { protocol = "sqs", endpoint = "arn:aws:sqs:eu-west-1:111122223333:audit" } } }
  expect_failures = [var.subscriptions]
}

run "refuses_raw_messages_by_email" {
  command = plan
  variables { subscriptions = { ops = { protocol = "email", endpoint = "ops@example.com", raw_message = true } } }
  expect_failures = [var.subscriptions]
}

run "refuses_eventbridge_as_publisher" {
  command = plan
  variables { publishers = { Events = { service = "events.amazonaws.com" } } }
  expect_failures = [var.publishers]
}

run "refuses_everybody_as_publisher" {
  command = plan
  variables { publishers = { All = { service = "*" } } }
  expect_failures = [var.publishers]
}

run "refuses_an_alias_for_a_key" {
  command = plan
  variables { kms_key_arn = "alias/aws/sns" }
  expect_failures = [var.kms_key_arn]
}

run "refuses_a_fifo_name" {
  command = plan
  variables { name = "alerts.fifo" }
  expect_failures = [var.name]
}
