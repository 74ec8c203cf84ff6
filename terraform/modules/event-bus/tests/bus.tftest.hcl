mock_provider "aws" {
  override_during = plan

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:111122223333:pat-test-undelivered" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/pat-test-deliver" }
  }
  mock_resource "aws_cloudwatch_event_bus" {
    defaults = { arn = "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test" }
  }
}

variables {
  name        = "pat-test"
  account     = { id = "111122223333", region = "eu-west-1" }
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  rules = {
    email-received = {
      event_pattern = "{\"source\":[\"pat.smtp\"],\"detail-type\":[\"Email Received\"]}"
      targets = {
        queue-email-processing   = { kind = "queue", arn = "arn:aws:sqs:eu-west-1:111122223333:email-processing" }
        queue-notifications      = { kind = "fifo_queue", arn = "arn:aws:sqs:eu-west-1:111122223333:notifications.fifo", message_group_id = "email-received" }
        function-email-processor = { kind = "function", arn = "arn:aws:lambda:eu-west-1:111122223333:function:email-processor" }
        workflow-w               = { kind = "workflow", arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:w" }
      }
    }
    email-deleted = { event_pattern = "{\"source\":[\"pat.api\"]}" }
  }
}

run "every_target_has_dead_letters_and_retries" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_event_target.this) == 4
    error_message = "Each target of each rule is created, a rule without targets is fine."
  }
  assert {
    condition     = alltrue([for t in aws_cloudwatch_event_target.this : t.dead_letter_config[0].arn == "arn:aws:sqs:eu-west-1:111122223333:pat-test-undelivered"])
    error_message = "What a target does not take is kept."
  }
  assert {
    condition     = alltrue([for t in aws_cloudwatch_event_target.this : t.retry_policy[0].maximum_retry_attempts == 185 && t.retry_policy[0].maximum_event_age_in_seconds == 86400])
    error_message = "Delivery is tried for a day."
  }
  assert {
    condition     = alltrue([for t in aws_cloudwatch_event_target.this : length(t.input_transformer) == 0])
    error_message = "Events are handed on unchanged."
  }
}

run "queues_and_functions_have_no_role" {
  command = plan

  assert {
    condition     = { for key, t in aws_cloudwatch_event_target.this : key => t.role_arn if t.role_arn != null } == { "email-received/workflow-w" = "arn:aws:iam::111122223333:role/pat-test-deliver" }
    error_message = "A role at a queue or function replaces the resource policy and breaks delivery to encrypted queues."
  }
  assert {
    condition = jsondecode(output.policy_json.deliver).Statement == [{
      Sid      = "StartWorkflows", Effect = "Allow", Action = ["states:StartExecution"]
      Resource = ["arn:aws:states:eu-west-1:111122223333:stateMachine:w"]
    }]
    error_message = "The role starts the state machines that are targets, and does nothing else."
  }
  assert {
    condition = jsondecode(output.policy_json.deliver_trust).Statement == [{
      Effect    = "Allow", Action = "sts:AssumeRole"
      Principal = { Service = "events.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = "111122223333" }
        ArnEquals    = { "aws:SourceArn" = ["arn:aws:events:eu-west-1:111122223333:rule/pat-test/email-received"] }
      }
    }]
    error_message = "EventBridge takes the role for this account's rule only."
  }
}

run "every_kind_of_target_is_reached_with_no_more_than_it_needs" {
  command = plan
  variables {
    rules = { r = {
      event_pattern = "{\"source\":[\"a\"],\"detail\":{\"amount\":[{\"numeric\":[\">\",100]}]}}"
      transform     = { paths = { id = "$.detail.order_id" }, template = "{\"order\": <id>, \"at\": <aws.events.event.ingestion-time>}" }
      targets = {
        topic    = { kind = "topic", arn = "arn:aws:sns:eu-west-1:111122223333:news", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/t" }
        stream   = { kind = "stream", arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/analytics", partition_key_path = "$.detail.order_id", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/s" }
        bus      = { kind = "bus", arn = "arn:aws:events:eu-central-1:444455556666:event-bus/partner" }
        endpoint = { kind = "endpoint", arn = "arn:aws:events:eu-west-1:111122223333:api-destination/crm/11111111-2222-3333-4444-555555555555" }
        queue    = { kind = "queue", arn = "arn:aws:sqs:eu-west-1:111122223333:q" }
      }
    } }
  }

  assert {
    condition = jsondecode(output.policy_json.deliver).Statement == [
      { Sid = "ForwardToBuses", Effect = "Allow", Action = ["events:PutEvents"], Resource = ["arn:aws:events:eu-central-1:444455556666:event-bus/partner"] },
      { Sid = "CallEndpoints", Effect = "Allow", Action = ["events:InvokeApiDestination"], Resource = ["arn:aws:events:eu-west-1:111122223333:api-destination/crm/11111111-2222-3333-4444-555555555555"] },
      { Sid = "PutToStreams", Effect = "Allow", Action = ["kinesis:PutRecord", "kinesis:PutRecords"], Resource = ["arn:aws:kinesis:eu-west-1:111122223333:stream/analytics"] },
      { Sid = "PublishToTopics", Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:eu-west-1:111122223333:news"] },
      {
        Sid       = "EncryptForKinesis", Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = ["arn:aws:kms:eu-west-1:111122223333:key/s"]
        Condition = { StringEquals = { "kms:ViaService" = "kinesis.eu-west-1.amazonaws.com" } }
      },
      {
        Sid       = "EncryptForSns", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = ["arn:aws:kms:eu-west-1:111122223333:key/t"]
        Condition = { StringEquals = { "kms:ViaService" = "sns.eu-west-1.amazonaws.com" } }
      },
    ]
    error_message = "Each resource by its ARN, each key through its service."
  }
  assert {
    condition     = { for key, t in aws_cloudwatch_event_target.this : key => t.role_arn != null && length(t.dead_letter_config) == 1 } == { "r/bus" = true, "r/endpoint" = true, "r/queue" = false, "r/stream" = true, "r/topic" = true }
    error_message = "A queue lets the rule in by its own policy."
  }
  assert {
    condition     = alltrue([for t in aws_cloudwatch_event_target.this : t.dead_letter_config[0].arn == "arn:aws:sqs:eu-west-1:111122223333:pat-test-undelivered"])
    error_message = "What any of them does not take is kept."
  }
  assert {
    condition     = alltrue([for key, t in aws_cloudwatch_event_target.this : t.input_transformer[0].input_paths == tomap({ id = "$.detail.order_id" }) && strcontains(t.input_transformer[0].input_template, "<id>") if key != "r/bus"])
    error_message = "Targets of the rule get what it makes of the event."
  }
  assert {
    condition     = length(aws_cloudwatch_event_target.this["r/bus"].input_transformer) == 0
    error_message = "Another bus gets the event itself."
  }
  assert {
    condition     = aws_cloudwatch_event_target.this["r/stream"].kinesis_target[0].partition_key_path == "$.detail.order_id" && length(aws_cloudwatch_event_target.this["r/topic"].kinesis_target) == 0
    error_message = "Order in a stream is by that key."
  }
}

run "refuses_an_arn_of_another_kind" {
  command = plan
  variables {
    rules = { r = { event_pattern = "{\"source\":[\"a\"]}", targets = { t = { kind = "topic", arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/s" } } } }
  }
  expect_failures = [var.rules]
}

run "refuses_its_own_bus" {
  command = plan
  variables {
    rules = { r = { event_pattern = "{\"source\":[\"a\"]}", targets = { t = { kind = "bus", arn = "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test" } } } }
  }
  expect_failures = [var.rules]
}

run "refuses_a_partition_key_for_a_topic" {
  command = plan
  variables {
    rules = { r = { event_pattern = "{\"source\":[\"a\"]}", targets = { t = { kind = "topic", arn = "arn:aws:sns:eu-west-1:111122223333:t", partition_key_path = "$.id" } } } }
  }
  expect_failures = [var.rules]
}

run "refuses_a_path_that_no_template_uses" {
  command = plan
  variables {
    rules = { r = {
      event_pattern = "{\"source\":[\"a\"]}"
      transform     = { paths = { id = "$.id" }, template = "\"<di>\"" }
    } }
  }
  expect_failures = [var.rules]
}

run "the_dead_letter_queue_is_standard_and_takes_from_bus_and_rules_only" {
  command = plan

  assert {
    condition     = !coalesce(aws_sqs_queue.dead_letter.fifo_queue, false) && aws_sqs_queue.dead_letter.kms_master_key_id == var.kms_key_arn
    error_message = "EventBridge cannot write to a FIFO dead-letter queue."
  }
  assert {
    condition     = length(jsondecode(output.policy_json.dead_letter).Statement) == 2 && jsondecode(output.policy_json.dead_letter).Statement[0].Effect == "Deny"
    error_message = "One denial without TLS, one permission."
  }
  assert {
    condition = jsondecode(output.policy_json.dead_letter).Statement[1] == {
      Sid       = "SendUndelivered", Effect = "Allow", Action = "sqs:SendMessage"
      Principal = { Service = "events.amazonaws.com" }
      Resource  = "arn:aws:sqs:eu-west-1:111122223333:pat-test-undelivered"
      Condition = { ArnEquals = { "aws:SourceArn" = [
        "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test",
        "arn:aws:events:eu-west-1:111122223333:rule/pat-test/email-deleted",
        "arn:aws:events:eu-west-1:111122223333:rule/pat-test/email-received",
      ] } }
    }
    error_message = "The bus and its rules, by ARN, may send."
  }
}

run "fifo_targets_carry_their_group_and_functions_their_permission" {
  command = plan

  assert {
    condition     = aws_cloudwatch_event_target.this["email-received/queue-notifications"].sqs_target[0].message_group_id == "email-received"
    error_message = "A FIFO queue needs a message group."
  }
  assert {
    condition     = length(aws_cloudwatch_event_target.this["email-received/queue-email-processing"].sqs_target) == 0
    error_message = "A standard queue takes none."
  }
  assert {
    condition     = length(aws_lambda_permission.rule) == 1 && aws_lambda_permission.rule["email-received/function-email-processor"].source_arn == "arn:aws:events:eu-west-1:111122223333:rule/pat-test/email-received"
    error_message = "The function may be invoked by its rule only."
  }
}

run "a_permission_is_for_the_alias_or_version_that_is_the_target" {
  command = plan
  variables {
    rules = { r = {
      event_pattern = "{\"source\":[\"a\"]}"
      targets = {
        plain   = { kind = "function", arn = "arn:aws:lambda:eu-west-1:111122223333:function:f" }
        alias   = { kind = "function", arn = "arn:aws:lambda:eu-west-1:111122223333:function:f:live" }
        version = { kind = "function", arn = "arn:aws:lambda:eu-west-1:111122223333:function:f:7" }
      }
    } }
  }

  assert {
    condition = (
      aws_lambda_permission.rule["r/alias"].qualifier == "live" && aws_lambda_permission.rule["r/version"].qualifier == "7" && aws_lambda_permission.rule["r/plain"].qualifier == null
      && alltrue([for permission in aws_lambda_permission.rule : permission.function_name == "arn:aws:lambda:eu-west-1:111122223333:function:f"])
    )
    error_message = "AWS keeps the alias or version apart from the function."
  }
  assert {
    condition     = aws_cloudwatch_event_target.this["r/alias"].arn == "arn:aws:lambda:eu-west-1:111122223333:function:f:live"
    error_message = "Events go to the alias."
  }
}

run "refuses_a_function_that_is_no_function" {
  command = plan
  variables {
    rules = { r = {
      event_pattern = "{\"source\":[\"a\"]}"
      targets       = { f = { kind = "function", arn = "arn:aws:sqs:eu-west-1:111122223333:f" } }
    } }
  }
  expect_failures = [var.rules]
}

run "the_bus_is_encrypted_archived_and_has_dead_letters" {
  command = plan

  assert {
    condition     = aws_cloudwatch_event_bus.this.kms_key_identifier == var.kms_key_arn && aws_cloudwatch_event_bus.this.dead_letter_config[0].arn == "arn:aws:sqs:eu-west-1:111122223333:pat-test-undelivered"
    error_message = "An encrypted bus needs a place for what it cannot decrypt."
  }
  assert {
    condition = length(aws_cloudwatch_event_archive.this) == 0 && jsondecode(aws_cloudformation_stack.archive[0].template_body).Resources == {
      Archive = {
        Type = "AWS::Events::Archive"
        Properties = {
          ArchiveName      = "pat-test-archive"
          Description      = "Every event of pat-test, for replay"
          SourceArn        = "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test"
          RetentionDays    = 7
          KmsKeyIdentifier = var.kms_key_arn
        }
      }
    }
    error_message = "All events are kept for a week, under the key."
  }
  assert {
    condition     = output.archive_arn == "arn:aws:events:eu-west-1:111122223333:archive/pat-test-archive"
    error_message = "Replays begin with the archive's ARN."
  }
}

run "an_emulator_gets_a_bus_without_key" {
  command = plan
  variables { encrypt_bus = false }
  assert {
    condition     = length(aws_cloudwatch_event_bus.this.dead_letter_config) == 0
    error_message = "Neither key nor dead-letter queue is set."
  }
  assert {
    condition     = length(aws_cloudformation_stack.archive) == 0 && aws_cloudwatch_event_archive.this[0].retention_days == 7 && aws_cloudwatch_event_archive.this[0].event_pattern == null
    error_message = "All events are kept for a week."
  }
}

run "a_bus_that_nobody_is_kept_from_has_no_policy" {
  command = plan
  assert {
    condition     = length(aws_cloudwatch_event_bus_policy.this) == 0 && output.policy_json.bus == null
    error_message = "Without named roles and other accounts IAM alone decides."
  }
}

run "the_bus_policy_is_put_on_the_bus" {
  command = plan
  variables { source_roles = { "a.b" = ["arn:aws:iam::111122223333:role/b*"] } }
  assert {
    condition     = aws_cloudwatch_event_bus_policy.this[0].policy == output.policy_json.bus && jsondecode(output.policy_json.bus).Statement[0].Condition.ArnNotLike == { "aws:PrincipalArn" = ["arn:aws:iam::111122223333:role/b*"] }
    error_message = "Only named roles claim the source."
  }
}

run "refuses_a_source_without_roles" {
  command = plan
  variables { source_roles = { "a.b" = [] } }
  expect_failures = [var.source_roles]
}

run "refuses_a_session_for_a_role" {
  command = plan
  variables { source_roles = { "a.b" = ["arn:aws:sts::111122223333:assumed-role/b/session"] } }
  expect_failures = [var.source_roles]
}

run "refuses_an_account_by_its_name" {
  command = plan
  variables { publisher_accounts = { shop = ["a.b"] } }
  expect_failures = [var.publisher_accounts]
}

run "refuses_an_account_without_sources" {
  command = plan
  variables { publisher_accounts = { "444455556666" = [] } }
  expect_failures = [var.publisher_accounts]
}

run "no_role_without_a_workflow" {
  command = plan
  variables { rules = {} }
  assert {
    condition     = length(aws_iam_role.deliver) == 0
    error_message = "A role nobody needs is not created."
  }
}

run "refuses_a_fifo_target_without_group" {
  command = plan
  variables {
    rules = { r = {
      event_pattern = "{\"source\":[\"a\"]}"
      targets       = { q = { kind = "fifo_queue", arn = "arn:aws:sqs:eu-west-1:111122223333:n.fifo" } }
    } }
  }
  expect_failures = [var.rules]
}

run "refuses_a_group_for_a_standard_queue" {
  command = plan
  variables {
    rules = { r = {
      event_pattern = "{\"source\":[\"a\"]}"
      targets       = { q = { kind = "queue", arn = "arn:aws:sqs:eu-west-1:111122223333:n", message_group_id = "g" } }
    } }
  }
  expect_failures = [var.rules]
}

run "refuses_a_fifo_arn_of_another_kind" {
  command = plan
  variables {
    rules = { r = {
      event_pattern = "{\"source\":[\"a\"]}"
      targets       = { q = { kind = "queue", arn = "arn:aws:sqs:eu-west-1:111122223333:n.fifo" } }
    } }
  }
  expect_failures = [var.rules]
}

run "refuses_an_unknown_kind" {
  command = plan
  variables {
    rules = { r = {
      event_pattern = "{\"source\":[\"a\"]}"
      targets       = { q = { kind = "pipe", arn = "arn:aws:sns:eu-west-1:111122223333:n" } }
    } }
  }
  expect_failures = [var.rules]
}

run "refuses_a_sixth_target" {
  command = plan
  variables {
    rules = { r = {
      event_pattern = "{\"source\":[\"a\"]}"
      targets       = { for n in range(6) : "q${n}" => { kind = "queue", arn = "arn:aws:sqs:eu-west-1:111122223333:q${n}" } }
    } }
  }
  expect_failures = [var.rules]
}

run "refuses_a_pattern_without_source" {
  command = plan
  variables { rules = { r = { event_pattern = "{\"detail-type\":[\"A\"]}" } } }
  expect_failures = [var.rules]
}

run "refuses_a_pattern_that_is_no_json" {
  command = plan
  variables { rules = { r = { event_pattern = "source = pat" } } }
  expect_failures = [var.rules]
}

run "refuses_a_rule_name_with_spaces" {
  command = plan
  variables { rules = { "email received" = { event_pattern = "{\"source\":[\"a\"]}" } } }
  expect_failures = [var.rules]
}

run "refuses_an_archive_below_seven_days" {
  command = plan
  variables { archive_days = 6 }
  expect_failures = [var.archive_days]
}

run "refuses_no_retries" {
  command = plan
  variables { retry = { max_attempts = 0 } }
  expect_failures = [var.retry]
}

run "refuses_retries_beyond_a_day" {
  command = plan
  variables { retry = { max_age_s = 86401 } }
  expect_failures = [var.retry]
}

run "refuses_the_default_bus" {
  command = plan
  variables { name = "default" }
  expect_failures = [var.name]
}

run "refuses_an_alias_for_a_key" {
  command = plan
  variables { kms_key_arn = "alias/aws/sqs" }
  expect_failures = [var.kms_key_arn]
}

run "roles_are_where_and_within_what_is_said" {
  command = plan
  variables { roles = { path = "/events/", permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary" } }
  assert {
    condition     = aws_iam_role.deliver[0].path == "/events/" && aws_iam_role.deliver[0].permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"
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
