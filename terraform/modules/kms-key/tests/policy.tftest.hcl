mock_provider "aws" {}

variables {
  name        = "pat-test-events"
  description = "Queues and topics of the tests"
  account     = { id = "111122223333" }
  service_grants = {
    EventBridgeDelivers = { service = "events.amazonaws.com" }
    AlarmsPublish = {
      service    = "cloudwatch.amazonaws.com"
      conditions = [{ test = "StringEquals", variable = "aws:SourceAccount", values = ["111122223333"] }]
    }
  }
}

run "each_statement_is_what_was_asked_for" {
  command = plan

  assert {
    condition     = length(jsondecode(output.policy_json).Statement) == 3
    error_message = "One statement for the account and one for each grant."
  }
  assert {
    condition     = jsondecode(output.policy_json).Statement[0].Principal.AWS == "arn:aws:iam::111122223333:root"
    error_message = "The account of the key, and no other, administers it."
  }
  assert {
    condition = jsondecode(output.policy_json).Statement[1] == {
      Sid       = "AlarmsPublish", Effect = "Allow", Resource = "*"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
      Condition = { StringEquals = { "aws:SourceAccount" = ["111122223333"] } }
    }
    error_message = "CloudWatch publishes for alarms of this account only."
  }
  assert {
    condition     = !can(jsondecode(output.policy_json).Statement[2].Condition)
    error_message = "EventBridge sends no source with its KMS request: a condition would lose every event."
  }
  assert {
    condition     = !strcontains(output.policy_json, "\"Principal\":\"*\"") && !strcontains(output.policy_json, "\"AWS\":\"*\"")
    error_message = "No statement is open to everybody."
  }
  assert {
    condition     = aws_kms_key.this["own"].enable_key_rotation && aws_kms_key.this["own"].policy == output.policy_json
    error_message = "The key rotates and carries the policy."
  }
}

run "another_partition_has_its_own_root" {
  command = plan
  variables {
    account = { id = "111122223333", partition = "aws-us-gov" }
  }
  assert {
    condition     = jsondecode(output.policy_json).Statement[0].Principal.AWS == "arn:aws-us-gov:iam::111122223333:root"
    error_message = "The partition belongs into the ARN."
  }
}

run "refuses_an_open_principal" {
  command = plan
  variables { service_grants = { All = { service = "*" } } }
  expect_failures = [var.service_grants]
}

run "refuses_all_actions" {
  command = plan
  variables { service_grants = { Sns = { service = "sns.amazonaws.com", actions = ["kms:*"] } } }
  expect_failures = [var.service_grants]
}

run "refuses_a_sid_iam_would_refuse" {
  command = plan
  variables { service_grants = { "sns-topics" = { service = "sns.amazonaws.com" } } }
  expect_failures = [var.service_grants]
}

run "refuses_a_short_deletion_window" {
  command = plan
  variables { deletion_window_days = 1 }
  expect_failures = [var.deletion_window_days]
}

run "refuses_an_alias_of_aws" {
  command = plan
  variables { name = "aws/sqs" }
  expect_failures = [var.name]
}

run "refuses_a_malformed_account" {
  command = plan
  variables { account = { id = "12" } }
  expect_failures = [var.account]
}

run "a_key_that_is_there_is_taken_as_it_is" {
  command = plan
  variables {
    existing_key_arn    = "arn:aws:kms:eu-west-1:111122223333:key/22222222-2222-3333-4444-555555555555"
    deletion_protection = true
  }
  assert {
    condition     = output.arn == "arn:aws:kms:eu-west-1:111122223333:key/22222222-2222-3333-4444-555555555555" && output.alias == null && length(aws_kms_key.this) + length(terraform_data.deletion_protection) == 0
    error_message = "Nothing is made."
  }
  assert {
    condition     = jsondecode(output.policy_json).Statement[0].Sid == "AccountAdministersByIAM"
    error_message = "What its policy needs is told."
  }
}

run "refuses_an_alias_of_a_key_that_is_there" {
  command = plan
  variables { existing_key_arn = "alias/events" }
  expect_failures = [var.existing_key_arn]
}
