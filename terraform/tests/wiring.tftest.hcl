# How the parts are wired: what each is handed, on a catalogue with one of each thing.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_kms_key" {
    override_during = plan
    defaults        = { arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555" }
  }
  mock_resource "aws_cloudwatch_event_api_destination" {
    override_during = plan
    defaults        = { arn = "arn:aws:events:eu-west-1:111122223333:api-destination/pat-test-crm/1" }
  }
  mock_resource "aws_sns_topic" {
    override_during = plan
    defaults        = { arn = "arn:aws:sns:eu-west-1:111122223333:topic" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/role" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::bucket" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:111122223333:log-group:logs" }
  }
  mock_resource "aws_cloudwatch_event_bus" {
    defaults = { arn = "arn:aws:events:eu-west-1:111122223333:event-bus/pat-test" }
  }
  mock_resource "aws_sfn_state_machine" {
    override_during = plan
    defaults        = { arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:workflow" }
  }
  mock_resource "aws_security_group" {
    override_during = plan
    defaults        = { id = "sg-1" }
  }
  mock_resource "aws_msk_configuration" {
    override_during = plan
    defaults = {
      arn             = "arn:aws:kafka:eu-west-1:111122223333:configuration/pat/11111111-2222-3333-4444-555555555555-1"
      latest_revision = 1
    }
  }
  mock_resource "aws_msk_cluster" {
    override_during = plan
    defaults = {
      arn                        = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat-test-events/11111111-2222-3333-4444-555555555555-1"
      bootstrap_brokers_sasl_iam = "b-1.test:9098,b-2.test:9098,b-3.test:9098"
    }
  }
  mock_resource "aws_msk_serverless_cluster" {
    override_during = plan
    defaults = {
      arn                        = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat-test-events/11111111-2222-3333-4444-555555555555-s1"
      bootstrap_brokers_sasl_iam = "boot.test:9098"
    }
  }
  mock_resource "aws_mskconnect_custom_plugin" {
    defaults = {
      arn             = "arn:aws:kafkaconnect:eu-west-1:111122223333:custom-plugin/pat/11111111-2222-3333-4444-555555555555-1"
      latest_revision = 1
    }
  }
  mock_resource "aws_mskconnect_worker_configuration" {
    defaults = {
      arn             = "arn:aws:kafkaconnect:eu-west-1:111122223333:worker-configuration/pat/11111111-2222-3333-4444-555555555555-1"
      latest_revision = 1
    }
  }
  mock_resource "aws_mskconnect_connector" {
    override_during = plan
    defaults        = { arn = "arn:aws:kafkaconnect:eu-west-1:111122223333:connector/pat/11111111-2222-3333-4444-555555555555-1" }
  }
}

variables {
  environment              = "test"
  region                   = "eu-west-1"
  catalog_file             = "tests/catalogs/wired.yaml"
  vpc_id                   = "vpc-1"
  subnet_ids               = ["subnet-a", "subnet-b", "subnet-c"]
  workflow_step_event      = "Step"
  function_arns            = { f = "arn:aws:lambda:eu-west-1:111122223333:function:f" }
  alert_slack              = { team_id = "T1", channels = { alerts = "C1", critical-alerts = "C2", operations = "C2" } }
  alarm_thresholds         = { queue-q-old = 5000, broker-cpu = 77 }
  iam_path                 = "/events/"
  permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
  function_failures        = ["f"]
  event_topics             = { news = { arn = "arn:aws:sns:eu-west-1:111122223333:news" } }
  event_streams            = { analytics = { arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/analytics", partition_key_path = "$.detail.k", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/s" } }
  event_buses              = { partner = "arn:aws:events:eu-west-1:444455556666:event-bus/partner" }
  event_endpoints          = { crm = { url = "https://crm.example.com/events", connection_arn = "arn:aws:events:eu-west-1:111122223333:connection/crm/1", method = "PUT", max_per_s = 9 } }
  function_sources = {
    q = { function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:q", queue = "q", max_concurrency = 5, batch_size = 50, batching_window_s = 2, filters = [{ body = { type = ["x"] } }], enabled = false }
    t = { function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:t", topic = "t", group = "g", start = "LATEST", min_pollers = 2, max_pollers = 5, max_retries = 4 }
  }
  claim_check        = { prefix = "large/", expire_after_days = 99 }
  alert_subscribers  = { alerts = ["a@example.com"], critical-alerts = ["https://c.example.com/x", "arn:aws:lambda:eu-west-1:111122223333:function:page:live"], operations = ["arn:aws:sqs:eu-west-1:111122223333:ops"], user-notifications = ["u@example.com"] }
  archive_days       = 11
  log_retention_days = 731
  enable_xray        = false
  encrypt_bus        = false
  force_destroy      = true
  msk = {
    kafka_version           = "3.8.x"
    brokers                 = { instance_type = "kafka.m7g.xlarge", max_volume_gib = 500 }
    replication             = { factor = 2, min_in_sync = 1 }
    retention_days          = 9
    server_properties       = { "log.segment.bytes" = "1000", "allow.everyone.if.no.acl.found" = "false" }
    monitoring              = { level = "PER_TOPIC_PER_BROKER", log_bucket = "logs", log_firehose = "stream" }
    authentication          = { tls_ca_arns = ["arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/1"] }
    private_accounts        = ["444455556666"]
    client_cidrs            = { office = "10.20.0.0/16" }
    client_prefix_lists     = { partners = "pl-9" }
    client_security_groups  = { clients = "sg-c1" }
    scraper_security_groups = { scrapers = "sg-5c" }
  }
  msk_connect = {
    plugin               = { bucket_arn = "arn:aws:s3:::plugins", key = "sink.zip", object_version = "v1" }
    flush                = { interval_s = 600, records = 77 }
    connector_properties = { "own" = "1" }
    kafkaconnect_version = "2.7.1"
    capacity             = { max_workers = 7 }
    archive              = { expire_after_days = 999 }
    s3_prefix_list_id    = "pl-1"
  }
}

# One plan for all of it: it is run once for every planted fault (see tools/terraform/mutation.py).
run "each_part_is_handed_what_was_given" {
  command = plan

  assert {
    condition = { for name, queue in module.queue : name => queue.settings } == {
      q       = { visibility_timeout_s = 7200, delay_s = 60, retention_s = 691200, max_receive_count = 3 }
      ordered = { visibility_timeout_s = 60, delay_s = 0, retention_s = 604800, max_receive_count = 5 }
    }
    error_message = "Queues."
  }
  assert {
    condition     = module.bus.archive_days == 11
    error_message = "The bus's archive keeps events as long as is said."
  }
  assert {
    condition = module.bus.targets == merge(
      { "order-placed/queue-q" = "", "order-placed/queue-ordered" = "order-placed", "order-placed/function-f" = "", "order-placed/workflow-w" = "", "order-placed/endpoint-crm" = "" },
      { "big/stream-analytics" = "$.detail.k {\"order\": <id>}" },
      { for target in ["queue-q", "topic-operations", "topic-news"] : "big/${target}" => "{\"order\": <id>}" },
      { "big/bus-partner" = "" },
    )
    error_message = "Targets, the FIFO one with a message group, those of a rule of its own with what it makes of the event."
  }
  assert {
    condition     = output.rules == { order-placed = { source = ["shop"], detail-type = ["Order Placed"] }, big = { source = ["shop"], detail-type = ["Order Placed"], detail = { amount = [{ numeric = [">", 100] }] } } }
    error_message = "A rule of its own sees what its filter lets through."
  }
  assert {
    condition = { for statement in jsondecode(module.bus.policy_json.deliver).Statement : statement.Sid => statement.Resource } == {
      StartWorkflows    = ["arn:aws:states:eu-west-1:111122223333:stateMachine:workflow"]
      PublishToTopics   = ["arn:aws:sns:eu-west-1:111122223333:news", "arn:aws:sns:eu-west-1:111122223333:topic"]
      PutToStreams      = ["arn:aws:kinesis:eu-west-1:111122223333:stream/analytics"]
      ForwardToBuses    = ["arn:aws:events:eu-west-1:444455556666:event-bus/partner"]
      CallEndpoints     = ["arn:aws:events:eu-west-1:111122223333:api-destination/pat-test-crm/1"]
      EncryptForSns     = ["arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"]
      EncryptForKinesis = ["arn:aws:kms:eu-west-1:111122223333:key/s"]
    }
    error_message = "Rules may reach these, and use their keys: the platform's topic has the platform's."
  }
  assert {
    condition = jsonencode([for endpoint in aws_cloudwatch_event_api_destination.this : [endpoint.name, endpoint.invocation_endpoint, endpoint.connection_arn, endpoint.http_method, endpoint.invocation_rate_limit_per_second]]) == jsonencode([
      ["pat-test-crm", "https://crm.example.com/events", "arn:aws:events:eu-west-1:111122223333:connection/crm/1", "PUT", 9]
    ])
    error_message = "The endpoint is called as is said."
  }
  assert {
    condition     = module.schedules.schedules == { nightly = { expression = "cron(0 3 * * ? *)", description = "Counts.", input = "{\"operation\":\"count\"}" } }
    error_message = "Schedules."
  }
  assert {
    condition     = module.workflow["w"].settings == { log_retention_days = 731, xray = false, force_destroy = true }
    error_message = "Workflows."
  }
  assert {
    condition     = { for key, value in jsondecode(module.workflow["w"].definition).States.RequestSteps.ItemProcessor.States.RequestStep.Parameters.Entries[0] : key => value if key != "Detail" } == { EventBusName = "pat-test", Source = "steps", DetailType = "Step" }
    error_message = "A workflow's steps go back to the bus as the event that was named."
  }
  assert {
    condition     = alltrue([for who in ["sg-c1", "10.20.0.0/16", "pl-9"] : contains(values(module.msk["standard"].let_in), who)]) && contains(values(module.msk["standard"].let_in), "sg-5c")
    error_message = "Clients and scrapers may reach the brokers."
  }
  assert {
    condition = merge({ for role in aws_iam_role.slack : role.name => { path = role.path, boundary = role.permissions_boundary } }, module.bus.roles, module.schedules.roles, module.workflow["w"].roles, module.msk_connect[0].roles) == {
      for name in ["pat-test-slack-eu-west-1", "pat-test-deliver-eu-west-1", "pat-test-schedules-eu-west-1", "pat-test-w-run-eu-west-1", "pat-test-archive-connector-eu-west-1"] :
      name => { path = "/events/", boundary = "arn:aws:iam::111122223333:policy/boundary" }
    }
    error_message = "Every role is where and within what is said."
  }
  assert {
    condition = { for name, source in module.function_source : name => jsonencode({ for key, value in source.settings : key => value if value != null }) } == {
      q = jsonencode({ answer = ["ReportBatchItemFailures"], batch_size = 50, batching_window_s = 2, enabled = false, filters = ["{\"body\":{\"type\":[\"x\"]}}"], function = "arn:aws:lambda:eu-west-1:111122223333:function:q", max_concurrency = 5 })
      t = jsonencode({ answer = ["ReportBatchItemFailures"], batch_size = 100, enabled = true, filters = [], function = "arn:aws:lambda:eu-west-1:111122223333:function:t", group = "g", max_retries = 4, pollers = "2-5", start = "LATEST", topic = "t" })
    }
    error_message = "Functions that read."
  }
  assert {
    condition     = module.msk["standard"].let_in["functions/9098"] == "sg-1"
    error_message = "Their pollers may reach the brokers."
  }
  assert {
    condition     = length(aws_lambda_function_event_invoke_config.this["f"].destination_config) == 1
    error_message = "What a function gives up is kept."
  }
  assert {
    condition     = module.claim_check[0].settings == { expire_after_days = 99, force_destroy = true, deletion_protection = false } && output.claim_check == { bucket = "pat-test-claims-111122223333-eu-west-1", prefix = "large/" }
    error_message = "Payloads."
  }
  assert {
    condition     = !module.bus.encrypted
    error_message = "Only an emulator's bus has no key."
  }
  assert {
    condition = { for key, value in module.msk["standard"].settings : key => jsonencode(value) } == {
      kafka_version      = jsonencode("3.8.x")
      monitoring         = jsonencode("PER_TOPIC_PER_BROKER")
      subnet_ids         = jsonencode(["subnet-a", "subnet-b", "subnet-c"])
      log_retention_days = jsonencode(731)
      log_targets        = jsonencode(["logs", "stream"])
      authentication     = jsonencode(["arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/1"])
      properties = jsonencode({
        "allow.everyone.if.no.acl.found"           = "false", "auto.create.topics.enable" = false, "default.replication.factor" = 2, "log.retention.hours" = 216, "log.segment.bytes" = "1000"
        "min.insync.replicas"                      = 1, "offsets.topic.replication.factor" = 2, "transaction.state.log.min.isr" = 1
        "transaction.state.log.replication.factor" = 2, "unclean.leader.election.enable" = false
      })
    }
    error_message = "The cluster."
  }
  assert {
    condition     = module.msk["standard"].shared_with == toset(["444455556666"])
    error_message = "Other accounts come by PrivateLink."
  }
  assert {
    condition     = module.msk["standard"].brokers.instance_type == "kafka.m7g.xlarge" && module.msk["standard"].name == "pat-test-events"
    error_message = "The brokers."
  }
  assert {
    condition     = { for key, value in module.msk_connect[0].settings : key => value if key != "properties" } == { version = "2.7.1", max_workers = 7, expire_after_days = 999, s3_prefix_list_id = "pl-1", log_retention_days = 731, force_destroy = true }
    error_message = "The archive's connector, which reaches S3 alone."
  }
  assert {
    condition     = { for key in ["own", "topics", "flush.size", "name", "errors.deadletterqueue.topic.replication.factor"] : key => lookup(module.msk_connect[0].settings.properties, key, "") } == { own = "1", topics = "t", "flush.size" = "77", name = "", "errors.deadletterqueue.topic.replication.factor" = "2" }
    error_message = "Its properties."
  }
  assert {
    condition     = contains(local.msk_alarm_names.warning, "pat-test-events-connector-pat-test-archive-no-tasks")
    error_message = "The connector is watched."
  }

  assert {
    condition     = { for name, topic in module.topic : name => values(topic.subscriptions) } == { alerts = ["email a@example.com"], critical-alerts = ["lambda arn:aws:lambda:eu-west-1:111122223333:function:page:live", "https https://c.example.com/x"], operations = ["sqs arn:aws:sqs:eu-west-1:111122223333:ops"], user-notifications = ["email u@example.com"] }
    error_message = "Each topic tells its own addresses."
  }
  assert {
    condition = { for key, permission in aws_lambda_permission.topic : key => "${permission.function_name} ${permission.qualifier} ${permission.principal} ${permission.source_arn}" } == {
      "critical-alerts arn:aws:lambda:eu-west-1:111122223333:function:page:live" = "arn:aws:lambda:eu-west-1:111122223333:function:page live sns.amazonaws.com arn:aws:sns:eu-west-1:111122223333:pat-test-critical-alerts"
    }
    error_message = "Its topic may invoke a function."
  }
  assert {
    condition = jsondecode(aws_sqs_queue.unheard[0].policy).Statement[1] == {
      Sid       = "KeepUnheard", Effect = "Allow", Principal = { Service = "sns.amazonaws.com" }, Action = "sqs:SendMessage", Resource = "arn:aws:sqs:eu-west-1:111122223333:pat-test-unheard"
      Condition = { ArnEquals = { "aws:SourceArn" = [for topic in ["alerts", "critical-alerts", "operations", "user-notifications"] : "arn:aws:sns:eu-west-1:111122223333:pat-test-${topic}"] } }
    }
    error_message = "What a subscriber did not take is kept."
  }
  assert {
    condition     = { for key, slack in aws_chatbot_slack_channel_configuration.this : key => "${slack.slack_team_id} ${join(",", slack.guardrail_policy_arns)}" } == { for id in ["C1", "C2"] : id => "T1 arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess" }
    error_message = "Slack's channels, in which nobody can do more than look."
  }
  assert {
    condition     = module.alarms.thresholds["queue-q-old"] == 5000 && module.alarms.thresholds["queue-ordered-old"] == 900 && module.msk_alarms["standard"].thresholds["broker-2-cpu"] == 77
    error_message = "Thresholds of one's own."
  }
  assert {
    condition = { for name, topic in module.topic : name => [for s in jsondecode(topic.policy_json).Statement : s.Principal.Service if s.Effect == "Allow"] } == {
      alerts = ["cloudwatch.amazonaws.com"], critical-alerts = ["cloudwatch.amazonaws.com"], operations = ["cloudwatch.amazonaws.com"], user-notifications = []
    }
    error_message = "Alarms may publish to their topics."
  }
  assert {
    condition = local.alarm_topic_arns == {
      critical = "arn:aws:sns:eu-west-1:111122223333:pat-test-critical-alerts"
      warning  = "arn:aws:sns:eu-west-1:111122223333:pat-test-alerts"
    }
    error_message = "Each severity has its topic."
  }
  assert {
    condition     = length(aws_cloudwatch_composite_alarm.healthy.alarm_actions) == 1 && length(aws_cloudwatch_composite_alarm.healthy.ok_actions) == 1
    error_message = "The one alarm for all tells somebody, and when it is over."
  }
  assert {
    condition     = join(" OR ", [for part in aws_cloudwatch_composite_alarm.part : part.alarm_rule]) == join(" OR ", [for name in concat(module.alarms.names.critical, local.msk_alarm_names.critical) : "ALARM(\"${name}\")"])
    error_message = "It watches every critical alarm."
  }

  assert {
    condition = {
      for name, a in merge(local.queue_alarms, local.bus_alarms, local.workflow_alarms, local.topic_alarms, local.function_alarms, local.schedule_alarms) :
      name => "${a.severity} ${a.namespace} ${a.metric} ${join(",", [for key, value in a.dimensions : "${key}=${value}"])} ${try(a.statistic, "Sum")} ${try(a.above, 0)} ${try(a.periods, 1)}"
      } == {
      "bus-undelivered"                 = "critical AWS/SQS ApproximateNumberOfMessagesVisible QueueName=pat-test-undelivered Maximum 0 1"
      "queue-ordered-dead-letters"      = "critical AWS/SQS ApproximateNumberOfMessagesVisible QueueName=pat-test-ordered-dlq.fifo Maximum 0 1"
      "queue-ordered-old"               = "warning AWS/SQS ApproximateAgeOfOldestMessage QueueName=pat-test-ordered.fifo Maximum 900 5"
      "queue-q-dead-letters"            = "critical AWS/SQS ApproximateNumberOfMessagesVisible QueueName=pat-test-q-dlq Maximum 0 1"
      "queue-q-old"                     = "warning AWS/SQS ApproximateAgeOfOldestMessage QueueName=pat-test-q Maximum 14460 5"
      "functions-unhandled"             = "critical AWS/SQS ApproximateNumberOfMessagesVisible QueueName=pat-test-unhandled Maximum 0 1"
      "rule-big-failed"                 = "warning AWS/Events FailedInvocations EventBusName=pat-test,RuleName=big Sum 0 1"
      "rule-order-placed-failed"        = "warning AWS/Events FailedInvocations EventBusName=pat-test,RuleName=order-placed Sum 0 1"
      "rule-big-lost"                   = "critical AWS/Events InvocationsFailedToBeSentToDlq EventBusName=pat-test,RuleName=big Sum 0 1"
      "rule-order-placed-lost"          = "critical AWS/Events InvocationsFailedToBeSentToDlq EventBusName=pat-test,RuleName=order-placed Sum 0 1"
      "rule-big-throttled"              = "warning AWS/Events ThrottledRules EventBusName=pat-test,RuleName=big Sum 0 1"
      "rule-order-placed-throttled"     = "warning AWS/Events ThrottledRules EventBusName=pat-test,RuleName=order-placed Sum 0 1"
      "schedules-dropped"               = "critical AWS/Scheduler InvocationDroppedCount ScheduleGroup=pat-test Sum 0 1"
      "schedules-refused"               = "warning AWS/Scheduler TargetErrorCount ScheduleGroup=pat-test Sum 0 1"
      "topic-alerts-failed"             = "warning AWS/SNS NumberOfNotificationsFailed TopicName=pat-test-alerts Sum 0 1"
      "topic-critical-alerts-failed"    = "warning AWS/SNS NumberOfNotificationsFailed TopicName=pat-test-critical-alerts Sum 0 1"
      "topic-operations-failed"         = "warning AWS/SNS NumberOfNotificationsFailed TopicName=pat-test-operations Sum 0 1"
      "topic-user-notifications-failed" = "warning AWS/SNS NumberOfNotificationsFailed TopicName=pat-test-user-notifications Sum 0 1"
      "workflow-w-failed"               = "critical AWS/States ExecutionsFailed StateMachineArn=arn:aws:states:eu-west-1:111122223333:stateMachine:pat-test-w Sum 0 1"
      "workflow-w-throttled"            = "warning AWS/States ExecutionThrottled StateMachineArn=arn:aws:states:eu-west-1:111122223333:stateMachine:pat-test-w Sum 0 1"
      "workflow-w-timed-out"            = "critical AWS/States ExecutionsTimedOut StateMachineArn=arn:aws:states:eu-west-1:111122223333:stateMachine:pat-test-w Sum 0 1"
    }
    error_message = "Metric, dimension, threshold and severity of each."
  }
  assert {
    condition     = toset(concat(module.alarms.names.critical, module.alarms.names.warning)) == toset([for name in keys(merge(local.queue_alarms, local.bus_alarms, local.workflow_alarms, local.topic_alarms, local.function_alarms, local.schedule_alarms)) : "pat-test-${name}"])
    error_message = "All of them are made."
  }
  assert {
    condition = { for widget in local.widgets : widget.title => "${widget.stat} ${join(" ", [for metric in widget.metrics : join("/", slice(metric, 1, length(metric)))])}" if !contains(local.msk_widgets[*].title, widget.title) } == {
      "Age of the oldest message (s)"            = "Maximum ApproximateAgeOfOldestMessage/QueueName/pat-test-ordered.fifo ApproximateAgeOfOldestMessage/QueueName/pat-test-q"
      "Dead letters"                             = "Maximum ApproximateNumberOfMessagesVisible/QueueName/pat-test-ordered-dlq.fifo ApproximateNumberOfMessagesVisible/QueueName/pat-test-q-dlq ApproximateNumberOfMessagesVisible/QueueName/pat-test-undelivered ApproximateNumberOfMessagesVisible/QueueName/pat-test-unhandled"
      "Deliveries that failed or were throttled" = "Sum FailedInvocations/EventBusName/pat-test/RuleName/big FailedInvocations/EventBusName/pat-test/RuleName/order-placed ThrottledRules/EventBusName/pat-test/RuleName/big ThrottledRules/EventBusName/pat-test/RuleName/order-placed"
      "Events matched per rule"                  = "Sum MatchedEvents/EventBusName/pat-test/RuleName/big MatchedEvents/EventBusName/pat-test/RuleName/order-placed"
      "Messages waiting"                         = "Maximum ApproximateNumberOfMessagesVisible/QueueName/pat-test-ordered.fifo ApproximateNumberOfMessagesVisible/QueueName/pat-test-q"
      "Notifications that failed"                = "Sum NumberOfNotificationsFailed/TopicName/pat-test-alerts NumberOfNotificationsFailed/TopicName/pat-test-critical-alerts NumberOfNotificationsFailed/TopicName/pat-test-operations NumberOfNotificationsFailed/TopicName/pat-test-user-notifications"
      "Workflow w"                               = "Sum ExecutionsStarted/StateMachineArn/arn:aws:states:eu-west-1:111122223333:stateMachine:pat-test-w ExecutionsSucceeded/StateMachineArn/arn:aws:states:eu-west-1:111122223333:stateMachine:pat-test-w ExecutionsFailed/StateMachineArn/arn:aws:states:eu-west-1:111122223333:stateMachine:pat-test-w ExecutionsTimedOut/StateMachineArn/arn:aws:states:eu-west-1:111122223333:stateMachine:pat-test-w"
    }
    error_message = "Each chart shows what its title says."
  }
  assert {
    condition = jsondecode(output.archive_reader_policy).Statement == [
      { Sid = "List", Effect = "Allow", Action = ["s3:GetBucketLocation", "s3:ListBucket"], Resource = output.event_archive.bucket.arn },
      { Sid = "Read", Effect = "Allow", Action = "s3:GetObject", Resource = "${output.event_archive.bucket.arn}/*" },
      {
        Sid       = "Decrypt", Effect = "Allow", Action = "kms:Decrypt"
        Resource  = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
        Condition = { StringEquals = { "kms:ViaService" = "s3.eu-west-1.amazonaws.com" } }
      },
    ]
    error_message = "Its objects are read, and decrypted through S3 alone."
  }
}
