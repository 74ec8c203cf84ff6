# Bus, queues, topics, workflows and alarms as the catalogue asks for them.
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

run "every_queue_of_the_catalogue_is_there_with_its_sender" {
  command = plan

  assert {
    condition     = toset(keys(module.queue)) == toset(keys(local.catalog.queues))
    error_message = "One queue for each entry."
  }
  assert {
    condition     = module.queue["notifications"].name == "pat-test-notifications.fifo" && module.queue["email-processing"].name == "pat-test-email-processing"
    error_message = "Environment in the name, .fifo where the catalogue says so."
  }
  assert {
    condition = jsondecode(module.queue["notifications"].policy_json.queue).Statement[1].Condition == { ArnEquals = { "aws:SourceArn" = [
      "arn:aws:events:eu-west-1:111122223333:rule/pat-test/email-processed",
      "arn:aws:events:eu-west-1:111122223333:rule/pat-test/email-validated",
    ] } }
    error_message = "Both rules that feed it may send, by ARN."
  }
  assert {
    condition     = length(jsondecode(module.queue["batch-operations"].policy_json.queue).Statement) == 1
    error_message = "A queue without rule lets no service send."
  }
}

run "a_queue_is_kept_as_the_catalogue_says" {
  command = plan
  variables { catalog_file = "tests/catalogs/queues.yaml" }

  assert {
    condition = { for name, queue in module.queue : name => queue.settings } == {
      usual = { visibility_timeout_s = 60, delay_s = 0, retention_s = 604800, max_receive_count = 5 }
      own   = { visibility_timeout_s = 3600, delay_s = 900, retention_s = 1209600, max_receive_count = 2 }
    }
    error_message = "Delay, retention, deliveries and visibility are the catalogue's, or what suits most."
  }
  assert {
    condition     = local.queue_age_s == { own = 900 + 2 * 3600, usual = 900 }
    error_message = "A message is old after its delay and two visibility timeouts, or a quarter of an hour."
  }
  assert {
    condition     = alltrue([for queue in module.queue : !strcontains(queue.policy_json.queue, "sqs:DeleteQueue")]) && length(data.aws_sqs_queues.existing) == 0
    error_message = "Without protection a queue can go."
  }
}

run "a_protected_queue_is_deleted_by_nobody" {
  command = plan
  variables {
    catalog_file        = "tests/catalogs/queues.yaml"
    deletion_protection = true
  }
  override_data {
    target          = data.aws_sqs_queues.existing[0]
    override_during = plan
    values = { queue_urls = [
      "https://sqs.eu-west-1.amazonaws.com/111122223333/pat-test-usual",
      "https://sqs.eu-west-1.amazonaws.com/111122223333/pat-test-usual-dlq",
      "https://sqs.eu-west-1.amazonaws.com/111122223333/pat-test-undelivered",
      "https://sqs.eu-west-1.amazonaws.com/111122223333/pat-test-somebody-elses",
    ] }
  }

  assert {
    condition = alltrue([for queue in module.queue : alltrue([
      for policy in [queue.policy_json.queue, queue.policy_json.dead_letter] :
      jsondecode(policy).Statement[1] == { Sid = "KeepQueue", Effect = "Deny", Principal = "*", Action = "sqs:DeleteQueue", Resource = jsondecode(policy).Statement[0].Resource }
    ])])
    error_message = "Queue and dead-letter queue refuse it, whatever rights somebody has."
  }
  assert {
    condition     = length(local.lost_queues) == 0
    error_message = "A queue that is yet to come, the bus's and those of others are no loss: ${join(", ", local.lost_queues)}"
  }
}

run "refuses_to_lose_a_protected_queue" {
  command = plan
  variables {
    catalog_file        = "tests/catalogs/queues.yaml"
    deletion_protection = true
  }
  override_data {
    target          = data.aws_sqs_queues.existing[0]
    override_during = plan
    values = { queue_urls = [
      "https://sqs.eu-west-1.amazonaws.com/111122223333/pat-test-renamed",
      "https://sqs.eu-west-1.amazonaws.com/111122223333/pat-test-renamed-dlq",
      "https://sqs.eu-west-1.amazonaws.com/111122223333/pat-test-usual.fifo",
      "https://sqs.eu-west-1.amazonaws.com/111122223333/pat-test-usual-dlq.fifo",
    ] }
  }
  expect_failures = [terraform_data.queues[0]]

  assert {
    condition     = local.lost_queues == ["pat-test-renamed", "pat-test-usual.fifo"]
    error_message = "A renamed queue, and one that was FIFO: ${join(", ", local.lost_queues)}"
  }
}

run "rules_follow_the_catalogue" {
  command = plan

  assert {
    condition     = toset(keys(output.rules)) == toset(["email-processed", "email-received", "email-validated", "plugin-execution-required", "workflow-triggered"])
    error_message = "A rule for each event that has a target."
  }
  assert {
    condition     = output.rules["email-received"] == { source = ["pat.smtp"], detail-type = ["Email Received"] }
    error_message = "Source and detail type are the catalogue's."
  }
  assert {
    condition = toset([for target in output.targets : "${target.rule} ${target.kind} ${target.name}"]) == toset([
      "email-processed fifo_queue notifications", "email-received queue email-processing",
      "email-validated fifo_queue notifications", "plugin-execution-required queue plugin-execution",
      "workflow-triggered queue workflow-execution", "workflow-triggered workflow workflow-execution",
    ])
    error_message = "Queues and workflows as listed; the function is left out, its ARN is not given."
  }
}

run "a_function_joins_by_its_arn" {
  command = plan
  variables {
    function_arns = { email-processor = "arn:aws:lambda:eu-west-1:111122223333:function:email-processor" }
  }
  assert {
    condition     = contains([for target in output.targets : "${target.rule}/${target.name}" if target.kind == "function"], "email-received/email-processor")
    error_message = "Named in the catalogue and in function_arns, it is a target."
  }
}

run "alarms_by_severity_and_one_for_all" {
  command = plan

  assert {
    condition     = alltrue([for queue in keys(local.catalog.queues) : contains(module.alarms.names.critical, "pat-test-queue-${queue}-dead-letters") && contains(module.alarms.names.warning, "pat-test-queue-${queue}-old")])
    error_message = "Each queue: dead letters wake somebody, age is looked at."
  }
  assert {
    condition     = alltrue([for rule in keys(local.rules) : contains(module.alarms.names.critical, "pat-test-rule-${rule}-lost")])
    error_message = "Each rule: an event that is lost wakes somebody."
  }
  assert {
    condition     = alltrue([for name in module.alarms.names.critical : strcontains(aws_cloudwatch_composite_alarm.part["critical-1"].alarm_rule, "ALARM(\"${name}\")")]) && aws_cloudwatch_composite_alarm.healthy.alarm_rule == "ALARM(\"pat-test-event-platform-critical-1\")"
    error_message = "The platform is healthy when no critical alarm rings."
  }
  assert {
    condition     = length(distinct(local.widgets[*].title)) == length(local.widgets) && alltrue([for widget in local.widgets : length(widget.metrics) > 0])
    error_message = "Each chart of the dashboard has its title and shows something."
  }
}

run "groups_have_alarms_where_consumers_print_metrics" {
  command = plan
  variables {
    consumer_metrics_namespace = "PatEvents"
    alarm_thresholds           = { group-email-processor-old = 60 }
  }
  assert {
    condition     = alltrue([for group in keys(local.catalog.groups) : contains(module.alarms.names.critical, "pat-test-group-${group}-dead-letters") && contains(module.alarms.names.warning, "pat-test-group-${group}-old") && contains(module.alarms.names.warning, "pat-test-group-${group}-behind")])
    error_message = "Each group: dead letters wake somebody, age and lag are looked at."
  }
}

run "groups_have_no_alarms_where_consumers_print_nothing" {
  command = plan
  assert {
    condition     = length([for name in concat(module.alarms.names.critical, module.alarms.names.warning) : name if startswith(name, "pat-test-group-")]) == 0
    error_message = "An alarm on a metric that nobody sends stays silent, and looks healthy."
  }
}

run "the_daily_clean_up_is_scheduled" {
  command = plan

  assert {
    condition     = module.schedules.group_name == "pat-test" && keys(module.schedules.schedule_arns) == ["daily-cleanup"]
    error_message = "The catalogue's schedules are there."
  }
}

run "another_companys_catalogue_needs_no_hcl" {
  command = plan
  variables { catalog_file = "tests/catalogs/shop.yaml" }

  assert {
    condition     = keys(output.rules) == ["order-placed"] && toset(keys(module.queue)) == toset(["audit", "billing"]) && length(module.workflow) == 0
    error_message = "Rules, queues and no workflow, from data alone."
  }
}

run "an_event_of_many_targets_has_as_many_rules_as_they_need" {
  command = plan
  variables {
    catalog_file  = "tests/catalogs/wide.yaml"
    function_arns = { g = "arn:aws:lambda:eu-west-1:111122223333:function:g" }
  }

  assert {
    condition     = [for target in output.targets : "${target.rule} ${target.name}" if target.rule != "five"] == ["seven w", "seven g", "seven a", "seven-2 b", "seven-2 c", "seven-2 d"]
    error_message = "Four for each rule: a function without ARN keeps its place, a moved target finds room."
  }
  assert {
    condition     = output.rules["seven"] == output.rules["seven-2"] && output.rules["seven"] == { source = ["s"], detail-type = ["Seven"] } && toset(keys(output.rules)) == toset(["five", "seven", "seven-2"])
    error_message = "The same events match both; five targets need one rule."
  }
  assert {
    condition     = jsondecode(module.queue["b"].policy_json.queue).Statement[1].Condition.ArnEquals["aws:SourceArn"] == ["arn:aws:events:eu-west-1:111122223333:rule/pat-test/five", "arn:aws:events:eu-west-1:111122223333:rule/pat-test/seven-2"]
    error_message = "The rule that sends may send."
  }
  assert {
    condition     = [for target in output.targets : target.message_group if target.name == "d"] == ["five", "seven"]
    error_message = "A message group is of the type of event, whichever rule the target is in."
  }
  assert {
    condition     = contains(module.alarms.names.critical, "pat-test-rule-seven-2-lost")
    error_message = "Every rule has its alarms."
  }
}

run "refuses_a_faulty_catalogue_in_sentences" {
  command = plan
  variables { catalog_file = "tests/catalogs/faulty.yaml" }
  expect_failures = [terraform_data.catalog]

  assert {
    condition = join("\n", local.catalog_faults) == join("\n", [
      "the catalogue has the unknown key queus; known are dead_letters, events, groups, package, python_module, queues, rules, schedules, topics, version.",
      "the catalogue has no package; add it.",
      "the catalogue has no python_module; add it.",
      "events.A has the unknown key target; known are detail_type, key, source, targets, topic.",
      "events.D has no detail_type; add it.",
      "events.E must have keys: detail_type, key, source, targets, topic.",
      "queues.ordered-dlq.fifo must be true or false.",
      "queues.q has the unknown key visible_s; known are consumer_timeout_s, delay_s, fifo, max_receive_count, retention_days, visibility_timeout_s.",
      "queues.q-dlq.consumer_timeout_s must be a whole number from 1 to 7200.",
      "queues.timeless has no consumer_timeout_s; add it.",
      "rules.Loud has the unknown key filters; known are description, event, filter, targets, transform.",
      "rules.plain-2 has no targets; add it.",
      "topics.forever has no retention_days; add it.",
      "topics.t.partitions must be a whole number from 1 to 10000.",
      "events.C.targets has the unknown key queue; known are buses, endpoints, functions, queues, sns_topics, streams, workflows.",
      "events.D.targets.functions must be a list of names.",
      "rules.plain.targets has the unknown key queue; known are buses, endpoints, functions, queues, sns_topics, streams, workflows.",
      "rules.plain.transform has the unknown key path; known are paths, template.",
      "rules.plain.transform has no template; add it.",
      "events.C.targets sends to the queue absent, which is not under queues; add it there or correct the target.",
      "events.D.targets.queues names a target twice; name it once.",
      "events.D.targets has the workflow archive, whose bucket would have the name of the topics' archive; give it another name.",
      "events.D.targets has the workflow claims, whose bucket would have the name of the payloads' bucket; give it another name.",
      "events.Dd.targets has the workflow Workflow_Of_Dd; in this environment a workflow's name is at most 31 lower-case letters, digits or '-'.",
      "rules.Loud.targets sends to the queue absent, which is not under queues; add it there or correct the target.",
      "rules.Loud.targets has the workflow claims, whose bucket would have the name of the payloads' bucket; give it another name.",
      "events.C has the topic nowhere, which is not under topics; add it there or correct the event.",
      "events A and B have the same source and detail_type, so their rules would catch each other's events; give each its own detail_type.",
      "events DD and Dd both make the rule dd; rename one.",
      "rules.Loud is about the event Absent, which is not under events; add it there or correct the rule.",
      "rules.Loud must have a name of 1 to 62 lower-case letters, digits or '-'.",
      "rules.dd has the name of a rule of DD; rename one.",
      "rules.plain-2 has the name of a rule of plain; rename one.",
      "the dead-letter queue of queues.q and queues.q-dlq both get the name pat-test-q-dlq; rename one.",
      "the bus's dead-letter queue and queues.undelivered both get the name pat-test-undelivered; rename one.",
      "the queue of what functions gave up and queues.unhandled both get the name pat-test-unhandled; rename one.",
      "the queue of what subscribers did not take and queues.unheard both get the name pat-test-unheard; rename one.",
      "queues.hasty.visibility_timeout_s must be at least 6 times consumer_timeout_s, or the message of a slow consumer is given to a second one.",
      "topics.short keeps events less than 7 days; raise its retention_days.",
      "dead_letters are kept less than 7 days; raise retention_days.",
      "groups.g names the event Absent, which is not under events; add it there or correct the group.",
      "groups.g names the event Gone, which is not under events; add it there or correct the group.",
      "schedules.to-fifo needs a queue that is under queues and not FIFO; correct its queue.",
      "schedules.to-nobody needs a queue that is under queues and not FIFO; correct its queue.",
      "schedules.often.cron is every day, and must be cron(...) with six fields, or rate(...), as EventBridge writes them.",
      "schedules.to-nobody.cron: the minute 99 must be 0-59.",
      "schedules.to-nobody.cron: the hour 99 must be 0-23.",
      "schedules.whenever.cron: one of day of the month and day of the week must be ?, and not both.",
      "events has no PluginExecutionRequired, which workflows publish for their steps; add it, or name another in the input workflow_step_event.",
    ])
    error_message = "Each fault is told by its place and what to change: ${join("\n", local.catalog_faults)}"
  }
}

run "refuses_a_catalogue_that_is_not_there" {
  command = plan
  variables { catalog_file = "tests/catalogs/missing.yaml" }
  expect_failures = [var.catalog_file]
}

run "refuses_an_unknown_region" {
  command = plan
  variables { region = "Ireland" }
  expect_failures = [var.region]
}

run "refuses_a_region_whose_services_have_other_names" {
  command = plan
  variables { region = "cn-north-1" }
  expect_failures = [var.region]
}

run "refuses_an_archive_below_seven_days" {
  command = plan
  variables { archive_days = 1 }
  expect_failures = [var.archive_days]
}

run "refuses_a_long_environment" {
  command = plan
  variables { environment = "production-europe" }
  expect_failures = [var.environment]
}

run "refuses_a_long_name" {
  command = plan
  variables { name = "e-mail-testing" }
  expect_failures = [var.name]
}

run "refuses_a_function_name_for_an_arn" {
  command = plan
  variables { function_arns = { email-processor = "email-processor" } }
  expect_failures = [var.function_arns]
}

run "refuses_a_function_the_catalogue_does_not_name" {
  command = plan
  variables { function_arns = { email-procesor = "arn:aws:lambda:eu-west-1:111122223333:function:email-processor" } }
  expect_failures = [var.function_arns]
}

run "refuses_a_function_of_another_account" {
  command = plan
  variables { function_arns = { email-processor = "arn:aws:lambda:eu-west-1:444455556666:function:email-processor" } }
  expect_failures = [var.function_arns]
}

run "refuses_a_function_of_another_region" {
  command = plan
  variables { function_arns = { email-processor = "arn:aws:lambda:us-east-1:111122223333:function:email-processor" } }
  expect_failures = [var.function_arns]
}

run "refuses_an_address_without_at" {
  command = plan
  variables { alert_subscribers = { alerts = ["oncall"] } }
  expect_failures = [var.alert_subscribers]
}

run "refuses_a_topic_that_does_not_exist" {
  command = plan
  variables { alert_subscribers = { alarms = ["oncall@example.com"] } }
  expect_failures = [var.alert_subscribers]
}

run "refuses_a_log_period_cloudwatch_does_not_know" {
  command = plan
  variables { log_retention_days = 31 }
  expect_failures = [var.log_retention_days]
}

run "alarms_name_what_there_is" {
  command = plan

  assert {
    condition = local.queue_names == {
      for name, queue in module.queue : name => { live = queue.name, dead_letters = queue.dead_letter_name }
    }
    error_message = "Alarms do not ask the queues for their names, so both must be the same."
  }
  assert {
    condition     = toset([for topic in module.topic : topic.name]) == toset([for name in local.topic_names : "${local.name}-${name}"])
    error_message = "Nor do they ask the topics."
  }
  assert {
    condition     = keys(local.workflow_arns) == keys(module.workflow) && local.workflow_arns["workflow-execution"] == "arn:aws:states:eu-west-1:111122223333:stateMachine:pat-test-workflow-execution"
    error_message = "Nor the workflows."
  }
}
