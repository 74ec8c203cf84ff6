mock_provider "aws" {
  override_during = plan

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/pat-test-workflow-run" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/vendedlogs/states/pat-test-workflow" }
  }
}

variables {
  name        = "pat-test-workflow"
  account     = { id = "111122223333", region = "eu-west-1" }
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  step_event  = { bus_name = "pat-test", source = "pat.plugins", detail_type = "Plugin Execution Required" }
}

run "it_loads_maps_over_steps_and_completes_with_retry_and_catch" {
  command = plan

  assert {
    condition     = jsondecode(output.definition).States.LoadWorkflow.Next == "CheckWorkflow" && jsondecode(output.definition).States.CheckWorkflow.Choices[0].Next == "RequestSteps" && jsondecode(output.definition).States.RequestSteps.Next == "RecordCompletion"
    error_message = "Load, map, complete, in this order."
  }
  assert {
    condition     = alltrue([for name in ["LoadWorkflow", "RequestSteps"] : jsondecode(output.definition).States[name].Catch[*] == [for error in ["States.DataLimitExceeded", "States.ALL"] : { ErrorEquals = [error], ResultPath = "$.failure", Next = "RecordFailure" }]])
    error_message = "What fails is recorded, too much data as well, which States.ALL does not stand for."
  }
  assert {
    condition = (
      jsondecode(output.definition).States.CheckWorkflow.Default == "RefuseWorkflow" && jsondecode(output.definition).States.RefuseWorkflow.Next == "RecordFailure"
      && jsondecode(output.definition).States.RequestSteps.ItemProcessor.StartAt == "CheckStep"
      && jsondecode(output.definition).States.RequestSteps.ItemProcessor.States.CheckStep.Default == "RefuseStep"
      && jsondecode(output.definition).States.RequestSteps.ItemProcessor.States.RefuseStep.Error == "InvalidStep"
    )
    error_message = "A path that is not there ends a run unrecorded, so what a definition must have is asked first."
  }
  assert {
    condition     = alltrue([for name in ["LoadWorkflow", "RecordCompletion", "RecordFailure"] : length(jsondecode(output.definition).States[name].Retry) > 0]) && jsondecode(output.definition).States.RequestSteps.ItemProcessor.States.RequestStep.Retry[0].MaxAttempts == 4
    error_message = "Every call is tried again."
  }
  assert {
    condition     = jsondecode(output.definition).States.LoadWorkflow.Retry[0] == { ErrorEquals = ["S3.NoSuchKeyException"], MaxAttempts = 0 }
    error_message = "A workflow that does not exist will not exist in ten seconds either."
  }
  assert {
    condition     = jsondecode(output.definition).States.RequestSteps.ItemProcessor.States.RequestStep.Parameters.Entries[0].EventBusName == "pat-test"
    error_message = "Steps are published on the given bus."
  }
  assert {
    condition     = aws_sfn_state_machine.this.definition == output.definition && aws_sfn_state_machine.this.logging_configuration[0].log_destination == "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/vendedlogs/states/pat-test-workflow:*"
    error_message = "The state machine runs this definition and logs with ':*' behind the group's ARN, as Step Functions demands."
  }
}

run "the_role_does_what_the_definition_needs_and_no_more" {
  command = plan

  assert {
    condition     = jsondecode(output.policy_json.run).Statement[*].Sid == ["ReadDefinitions", "TellMissingFromForbidden", "WriteRuns", "UseKeyThroughS3", "PublishSteps", "DeliverLogs", "SendTraces"]
    error_message = "These statements and no other."
  }
  assert {
    condition     = alltrue([for s in jsondecode(output.policy_json.run).Statement : s.Resource != "*" || contains(["DeliverLogs", "SendTraces"], s.Sid)])
    error_message = "Only log delivery and X-Ray, which know no resources, have '*'."
  }
  assert {
    condition     = jsondecode(output.policy_json.run).Statement[0].Resource == "arn:aws:s3:::pat-test-workflow-111122223333-eu-west-1/definitions/*" && jsondecode(output.policy_json.run).Statement[0].Action == "s3:GetObject"
    error_message = "It reads definitions."
  }
  assert {
    condition     = jsondecode(output.policy_json.run).Statement[2].Resource == "arn:aws:s3:::pat-test-workflow-111122223333-eu-west-1/runs/*" && jsondecode(output.policy_json.run).Statement[2].Action == "s3:PutObject"
    error_message = "It writes records and cannot touch definitions."
  }
  assert {
    condition     = jsondecode(output.policy_json.run).Statement[3].Condition == { StringEquals = { "kms:ViaService" = "s3.eu-west-1.amazonaws.com" } }
    error_message = "It uses the key through S3 only."
  }
  assert {
    condition = jsondecode(output.policy_json.run).Statement[4] == {
      Sid       = "PublishSteps", Effect = "Allow", Action = "events:PutEvents"
      Resource  = "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test"
      Condition = { StringEquals = { "events:source" = "pat.plugins" } }
    }
    error_message = "It publishes as the given source, on the one bus."
  }
  assert {
    condition = jsondecode(output.policy_json.trust).Statement == [{
      Effect    = "Allow", Action = "sts:AssumeRole"
      Principal = { Service = "states.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = "111122223333" }
        ArnEquals    = { "aws:SourceArn" = "arn:aws:states:eu-west-1:111122223333:stateMachine:pat-test-workflow" }
      }
    }]
    error_message = "Step Functions takes the role for this state machine only."
  }
}

run "the_bucket_is_private_encrypted_and_tls_only" {
  command = plan

  assert {
    condition = jsondecode(output.policy_json.bucket).Statement == [{
      Sid       = "DenyWithoutTLS", Effect = "Deny", Principal = "*", Action = "s3:*"
      Resource  = ["arn:aws:s3:::pat-test-workflow-111122223333-eu-west-1", "arn:aws:s3:::pat-test-workflow-111122223333-eu-west-1/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "Requests without TLS are refused, nobody from outside is let in."
  }
  assert {
    condition     = aws_s3_bucket_public_access_block.this.restrict_public_buckets && aws_s3_bucket_public_access_block.this.block_public_policy
    error_message = "It cannot be made public."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn
    error_message = "It is encrypted with the given key."
  }
}

run "tracing_can_be_switched_off" {
  command = plan
  variables { enable_xray = false }
  assert {
    condition     = length(aws_sfn_state_machine.this.tracing_configuration) == 0 && !strcontains(output.policy_json.run, "xray:")
    error_message = "Neither tracing nor its rights remain."
  }
}

run "refuses_upper_case_in_the_name" {
  command = plan
  variables { name = "Workflow" }
  expect_failures = [var.name]
}

run "refuses_more_steps_at_a_time_than_an_inline_map_runs" {
  command = plan
  variables { concurrency = 41 }
  expect_failures = [var.concurrency]
}

run "refuses_a_timeout_below_a_minute" {
  command = plan
  variables { timeout_s = 59 }
  expect_failures = [var.timeout_s]
}

run "refuses_records_kept_less_than_a_week" {
  command = plan
  variables { run_retention_days = 6 }
  expect_failures = [var.run_retention_days]
}

run "refuses_a_log_period_cloudwatch_does_not_know" {
  command = plan
  variables { log_retention_days = 31 }
  expect_failures = [var.log_retention_days]
}

run "refuses_an_alias_for_a_key" {
  command = plan
  variables { kms_key_arn = "alias/pat" }
  expect_failures = [var.kms_key_arn]
}

run "what_the_whole_account_shares_has_the_region_in_its_name" {
  command = plan

  assert {
    condition     = aws_iam_role.this.name == "pat-test-workflow-run-eu-west-1"
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
