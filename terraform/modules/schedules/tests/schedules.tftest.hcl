mock_provider "aws" {
  override_during = plan

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/pat-test-schedules" }
  }
}

variables {
  name            = "pat-test"
  account         = { id = "111122223333", region = "eu-west-1" }
  kms_key_arn     = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  dead_letter_arn = "arn:aws:sqs:eu-west-1:111122223333:undelivered"
  schedules = {
    daily-cleanup = {
      expression = "cron(0 3 * * ? *)"
      queue_arn  = "arn:aws:sqs:eu-west-1:111122223333:batch-operations"
      input      = "{\"operation\":\"cleanup\"}"
    }
  }
}

run "a_schedule_sends_its_message_with_retries_and_dead_letters" {
  command = plan

  assert {
    condition     = aws_scheduler_schedule.this["daily-cleanup"].schedule_expression == "cron(0 3 * * ? *)" && aws_scheduler_schedule.this["daily-cleanup"].schedule_expression_timezone == "UTC"
    error_message = "It runs when it was asked to."
  }
  assert {
    condition     = jsondecode(aws_scheduler_schedule.this["daily-cleanup"].target[0].input) == { operation = "cleanup" }
    error_message = "The message is the given JSON."
  }
  assert {
    condition     = aws_scheduler_schedule.this["daily-cleanup"].target[0].dead_letter_config[0].arn == var.dead_letter_arn && aws_scheduler_schedule.this["daily-cleanup"].target[0].retry_policy[0].maximum_retry_attempts == 10
    error_message = "What cannot be sent is tried again, then kept."
  }
  assert {
    condition     = aws_scheduler_schedule.this["daily-cleanup"].kms_key_arn == var.kms_key_arn && aws_scheduler_schedule.this["daily-cleanup"].flexible_time_window[0].mode == "OFF"
    error_message = "Encrypted with the given key; on the minute unless a window is given."
  }
}

run "the_role_is_the_schedulers_for_this_group_only" {
  command = plan

  assert {
    condition = jsondecode(output.policy_json.trust).Statement == [{
      Effect    = "Allow", Action = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = {
        "aws:SourceAccount" = "111122223333"
        "aws:SourceArn"     = "arn:aws:scheduler:eu-west-1:111122223333:schedule-group/pat-test"
      } }
    }]
    error_message = "Other groups and accounts cannot use the role."
  }
  assert {
    condition     = length(jsondecode(output.policy_json.send).Statement) == 2
    error_message = "Sending and encrypting, nothing else."
  }
  assert {
    condition = jsondecode(output.policy_json.send).Statement[0] == {
      Sid      = "Send", Effect = "Allow", Action = "sqs:SendMessage"
      Resource = ["arn:aws:sqs:eu-west-1:111122223333:batch-operations", "arn:aws:sqs:eu-west-1:111122223333:undelivered"]
    }
    error_message = "It sends to the schedules' queues and the dead-letter queue."
  }
  assert {
    condition = jsondecode(output.policy_json.send).Statement[1] == {
      Sid      = "ReadSchedulesAndEncryptMessages", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
    }
    error_message = "It uses the one key."
  }
}

run "refuses_a_cron_of_five_fields" {
  command = plan
  variables { schedules = { s = { expression = "cron(0 3 * * *)", queue_arn = "arn:aws:sqs:eu-west-1:111122223333:q", input = "{}" } } }
  expect_failures = [var.schedules]
}

run "refuses_a_fifo_queue" {
  command = plan
  variables { schedules = { s = { expression = "rate(1 day)", queue_arn = "arn:aws:sqs:eu-west-1:111122223333:q.fifo", input = "{}" } } }
  expect_failures = [var.schedules]
}

run "refuses_input_that_is_no_json" {
  command = plan
  variables { schedules = { s = { expression = "rate(1 day)", queue_arn = "arn:aws:sqs:eu-west-1:111122223333:q", input = "cleanup" } } }
  expect_failures = [var.schedules]
}

run "refuses_a_window_beyond_a_day" {
  command = plan
  variables { schedules = { s = { expression = "rate(1 day)", queue_arn = "arn:aws:sqs:eu-west-1:111122223333:q", input = "{}", window_minutes = 1441 } } }
  expect_failures = [var.schedules]
}

run "refuses_no_retries" {
  command = plan
  variables { schedules = { s = { expression = "rate(1 day)", queue_arn = "arn:aws:sqs:eu-west-1:111122223333:q", input = "{}", max_attempts = 0 } } }
  expect_failures = [var.schedules]
}

run "refuses_a_name_with_spaces" {
  command = plan
  variables { schedules = { "daily cleanup" = { expression = "rate(1 day)", queue_arn = "arn:aws:sqs:eu-west-1:111122223333:q", input = "{}" } } }
  expect_failures = [var.schedules]
}

run "refuses_a_fifo_dead_letter_queue" {
  command = plan
  variables { dead_letter_arn = "arn:aws:sqs:eu-west-1:111122223333:q.fifo" }
  expect_failures = [var.dead_letter_arn]
}

run "refuses_an_alias_for_a_key" {
  command = plan
  variables { kms_key_arn = "alias/pat" }
  expect_failures = [var.kms_key_arn]
}

run "refuses_a_name_too_long_for_its_role" {
  command = plan
  variables { name = "a-name-that-is-much-too-long-for-a-role-of-the-scheduler-here" }
  expect_failures = [var.name]
}

run "what_the_whole_account_shares_has_the_region_in_its_name" {
  command = plan

  assert {
    condition     = aws_iam_role.this.name == "pat-test-schedules-eu-west-1"
    error_message = "In another region the same name would be taken."
  }
}

run "roles_are_where_and_within_what_is_said" {
  command = plan
  variables { roles = { path = "/events/", permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary" } }
  assert {
    condition     = aws_iam_role.this.path == "/events/" && aws_iam_role.this.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"
    error_message = "Accounts that demand a boundary take the role."
  }
}

run "refuses_a_path_without_its_end" {
  command = plan
  variables { roles = { path = "/events" } }
  expect_failures = [var.roles]
}

run "refuses_a_boundary_by_name" {
  command = plan
  variables { roles = { permissions_boundary_arn = "boundary" } }
  expect_failures = [var.roles]
}
