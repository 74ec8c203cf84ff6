# How the cluster, its policies, its alarms and the archive are wired into the platform.
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
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-west-1:111122223333:topic" }
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
    defaults = { arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:workflow" }
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
  alert_subscribers = { critical-alerts = ["c@example.com"] }
  environment       = "test"
  region            = "eu-west-1"
  vpc_id            = "vpc-1"
  subnet_ids        = ["subnet-a", "subnet-b", "subnet-c"]
  msk               = { brokers = { max_volume_gib = 500 } }
  msk_connect = {
    plugin = { bucket_arn = "arn:aws:s3:::plugins", key = "sink.zip", object_version = "v1" }
  }
}

run "clients_learn_where_and_how_to_connect" {
  command = plan

  assert {
    condition = output.pat_events_config == {
      bootstrap_servers   = "b-1.test:9098,b-2.test:9098,b-3.test:9098"
      security_protocol   = "SASL_SSL"
      sasl_mechanism      = "OAUTHBEARER"
      region              = "eu-west-1"
      replication_factor  = 3
      min_insync_replicas = 2
    }
    error_message = "What `pat-events topics apply` and every client need."
  }
  assert {
    condition = output.pat_events_settings == {
      PAT_EVENTS_AWS_REGION        = "eu-west-1"
      PAT_EVENTS_BOOTSTRAP_SERVERS = "b-1.test:9098,b-2.test:9098,b-3.test:9098"
      PAT_EVENTS_MSK_IAM_REGION    = "eu-west-1"
    }
    error_message = "The package's settings."
  }
  assert {
    condition     = contains(split("\n", output.pat_events_environment), "export PAT_EVENTS_MSK_IAM_REGION='eu-west-1'")
    error_message = "The same for a shell."
  }
}

run "every_source_and_group_of_the_catalogue_has_its_policy" {
  command = plan

  assert {
    condition     = toset(keys(output.kafka_consumer_policies)) == toset(keys(local.catalog.groups))
    error_message = "One policy for each consumer group."
  }
  assert {
    condition     = toset(keys(output.kafka_producer_policies)) == toset([for event in local.catalog.events : event.source])
    error_message = "One policy for each source."
  }
  assert {
    condition = [for arn in jsondecode(output.kafka_consumer_policies["email-processor"]).Statement[2].Resource : reverse(split("/", arn))[0]] == [
      "pat-emails", "pat-emails.email-processor.dlq",
    ]
    error_message = "A group writes what it publishes and its dead letters."
  }
  assert {
    condition     = length(setsubtract(keys(local.catalog.topics), [for arn in jsondecode(output.kafka_topic_admin_policy).Statement[1].Resource : reverse(split("/", arn))[0]])) == 0
    error_message = "Whoever applies topics may create every topic of the catalogue."
  }
}

run "lag_of_every_reader_is_watched" {
  command = plan

  assert {
    condition = toset(distinct([for name in local.msk_alarm_names.warning : trimprefix(name, "pat-test-events-") if strcontains(name, "-lag-") && endswith(name, "-time")])) == toset(concat(
      flatten([
        for group, entry in local.catalog.groups : [
          for topic in distinct([for event in entry.consumes : local.catalog.events[event].topic]) : "lag-${group}-${topic}-time"
        ]
      ]),
      [for topic in keys(local.catalog.topics) : "lag-connect-pat-test-archive-${topic}-time"],
    ))
    error_message = "Each group of the catalogue, and the archive, on each topic it reads."
  }
  assert {
    condition     = length(local.msk_alarm_names.critical) == 3 * 5 + 2 && contains(local.msk_alarm_names.warning, "pat-test-events-connector-pat-test-archive-no-tasks")
    error_message = "Brokers, cluster and connector are watched."
  }
}

run "loudness_and_limits_of_lag_are_inputs" {
  command = plan
  variables { msk_lag = { max_offsets = 100, sum_offsets = 200, severity = "critical" } }

  assert {
    condition     = contains(local.msk_alarm_names.critical, "pat-test-events-lag-notifier-pat-events-sum-offsets")
    error_message = "The given severity applies to every reader."
  }
}

run "lag_of_a_group_or_of_a_group_on_a_topic_has_bounds_of_its_own" {
  command = plan
  variables {
    msk_lag = {
      severity = "warning"
      overrides = {
        notifier                   = { severity = "critical" }
        "notifier/pat-emails"      = { severity = "warning" }
        "connect-pat-test-archive" = { severity = "critical" }
      }
    }
  }

  assert {
    condition = toset([for name in local.msk_alarm_names.critical : trimprefix(name, "pat-test-events-lag-") if strcontains(name, "-lag-")]) == toset([
      "notifier-pat-events-max-offsets", "notifier-pat-events-sum-offsets", "notifier-pat-events-time",
      "connect-pat-test-archive-pat-emails-time", "connect-pat-test-archive-pat-events-time",
    ])
    error_message = "The topic's own value wins over its group's; the archive is watched by time alone."
  }
}

run "refuses_bounds_for_a_group_nobody_is" {
  command = plan
  variables { msk_lag = { overrides = { notifer = { max_offsets = 1 } } } }
  expect_failures = [var.msk_lag]
}

run "the_archive_reads_every_topic" {
  command = plan

  assert {
    condition = (
      output.event_archive.bucket.name == "pat-test-archive-111122223333-eu-west-1"
      && output.event_archive.dead_letter_topic == "pat-test-archive.dlq"
      && tolist([for arn in jsondecode(module.msk_connect[0].role_policy_json).Statement[1].Resource : reverse(split("/", arn))[0]]) == sort(keys(local.catalog.topics))
    )
    error_message = "All topics of the catalogue go to the bucket."
  }
}

run "a_serverless_cluster_needs_no_brokers" {
  command = plan
  variables {
    msk         = { family = "serverless" }
    msk_connect = null
  }

  assert {
    condition     = output.pat_events_config.bootstrap_servers == "boot.test:9098" && output.msk.family == "serverless" && output.event_archive == null
    error_message = "One input changes the family."
  }
}

run "express_brokers_are_one_input_away" {
  command = plan
  variables { msk = { family = "express" } }

  assert {
    condition     = output.msk.family == "express" && contains(local.msk_alarm_names.warning, "pat-test-events-express-broker-1-produce-throttled") && output.msk.name == "pat-test-events-express"
    error_message = "The alarms follow the family, and what must exist beside its successor has it in its name."
  }
}

run "a_successor_stands_beside_the_cluster_until_clients_have_moved" {
  command = plan
  variables {
    msk           = { brokers = { max_volume_gib = 500 }, client_security_groups = { services = "sg-5e" }, scraper_security_groups = { prometheus = "sg-90" } }
    msk_successor = { family = "express", kafka_version = "3.9.x.kraft", client_security_groups = { movers = "sg-1" } }
  }
  override_resource {
    target          = module.msk["express"].aws_msk_cluster.this["express"]
    override_during = plan
    values = {
      arn                        = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat-test-events-express/11111111-2222-3333-4444-555555555555-2"
      bootstrap_brokers_sasl_iam = "e-1.test:9098"
    }
  }

  assert {
    condition     = output.msk.family == "standard" && output.pat_events_config.bootstrap_servers == "b-1.test:9098,b-2.test:9098,b-3.test:9098"
    error_message = "The cluster in use is the first one."
  }
  assert {
    condition = output.msk_successor == {
      bootstrap_servers = "e-1.test:9098", family = "express", name = "pat-test-events-express", security_group_id = "sg-1", replication_factor = 3, min_insync_replicas = 2
      arn               = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat-test-events-express/11111111-2222-3333-4444-555555555555-2"
    }
    error_message = "Where clients move to."
  }
  assert {
    condition     = module.msk["express"].let_in == { "client/movers/9098" = "sg-1", "scraper/prometheus/11001" = "sg-90", "scraper/prometheus/11002" = "sg-90" }
    error_message = "Those are let in that are named, or those of the first."
  }
  assert {
    condition     = length(jsondecode(output.kafka_producer_policies["pat.smtp"]).Statement[0].Resource) == 2
    error_message = "A client's one policy is for both."
  }
  assert {
    condition = alltrue([
      for name in ["pat-test-events-lag-notifier-pat-emails-time", "pat-test-events-express-lag-notifier-pat-emails-time"] : contains(local.msk_alarm_names.warning, name)
    ]) && length([for name in concat(local.msk_alarm_names.warning, local.msk_alarm_names.critical) : name if startswith(name, "pat-test-events-express-") && strcontains(name, "archive")]) == 0
    error_message = "Both are watched; the archive reads the first."
  }
}

run "the_successor_is_the_cluster_in_use_in_the_end" {
  command = plan
  variables { msk = { family = "express", kafka_version = "3.9.x.kraft" } }

  assert {
    condition     = keys(module.msk) == ["express"] && output.msk.name == "pat-test-events-express" && output.msk_successor == null
    error_message = "It keeps its name and its place, so nothing of it is made anew."
  }
}

run "refuses_a_successor_of_the_same_family" {
  command = plan
  variables { msk_successor = { family = "standard" } }
  expect_failures = [var.msk_successor]
}

run "refuses_a_successor_without_a_family" {
  command = plan
  variables { msk_successor = {} }
  expect_failures = [var.msk_successor]
}

run "refuses_keys_a_successor_has_not" {
  command = plan
  variables { msk_successor = { family = "express", brokers = { number = 3 } } }
  expect_failures = [terraform_data.inputs]
}

run "refuses_keys_the_archive_has_not" {
  command = plan
  variables { msk_connect = { plugin = { bucket_arn = "arn:aws:s3:::plugins", key = "sink.zip", object_version = "v1" }, flush = { record = 1 } } }
  expect_failures = [terraform_data.inputs]
}

run "refuses_an_archive_without_a_plugin" {
  command = plan
  variables { msk_connect = { flush = { records = 1 } } }
  expect_failures = [var.msk_connect]
}

run "refuses_bounds_that_are_none" {
  command = plan
  variables { msk_lag = { max_offset = 1 } }
  expect_failures = [terraform_data.inputs]
}

run "refuses_bounds_of_a_group_that_are_none" {
  command = plan
  variables { msk_lag = { overrides = { notifier = { max_offset = 1 } } } }
  expect_failures = [terraform_data.inputs]
}

run "a_big_cluster_stays_within_cloudwatchs_limits" {
  command = plan
  variables { msk = { brokers = { count = 18, max_volume_gib = 500 } } }

  assert {
    condition     = length(local.critical_alarms) > 100 && toset(flatten(values(local.critical_parts))) == toset(local.critical_alarms)
    error_message = "Every critical alarm is in one of the parts."
  }
  assert {
    condition     = alltrue([for part in aws_cloudwatch_composite_alarm.part : length(part.alarm_rule) <= 10240 && length(split(" OR ", part.alarm_rule)) <= 100])
    error_message = "A composite alarm watches 100 alarms at most, by a rule of 10,240 characters."
  }
  assert {
    condition     = aws_cloudwatch_composite_alarm.healthy.alarm_rule == join(" OR ", [for key in ["critical-1", "critical-2", "critical-3"] : "ALARM(\"pat-test-event-platform-${key}\")"])
    error_message = "The one alarm for all watches every part."
  }
  assert {
    condition     = length(local.shown_alarms) > 1 && alltrue([for arns in local.shown_alarms : length(arns) <= 100])
    error_message = "CloudWatch refuses a widget of more than 100 alarms."
  }
}

run "without_msk_nothing_of_it_is_made" {
  command = plan
  variables {
    enable_msk  = false
    vpc_id      = null
    subnet_ids  = []
    msk         = {}
    msk_connect = null
  }

  assert {
    condition = (
      output.pat_events_config == null && output.pat_events_settings == { PAT_EVENTS_AWS_REGION = "eu-west-1" } && output.msk == null && output.kafka_topic_admin_policy == null && output.event_archive == null
      && length(output.kafka_consumer_policies) == 0 && length(local.msk_alarm_arns) == 0 && length(local.msk_widgets) == 0
      && length(local.msk_alarm_names.critical) == 0
    )
    error_message = "The platform stands without the cluster."
  }
}

run "refuses_a_cluster_without_a_vpc" {
  command = plan
  variables { vpc_id = null }
  expect_failures = [var.vpc_id]
}

run "refuses_a_cluster_without_subnets" {
  command = plan
  variables { subnet_ids = [] }
  expect_failures = [var.subnet_ids]
}

run "refuses_an_archive_of_no_cluster" {
  command = plan
  variables { enable_msk = false }
  expect_failures = [var.msk_connect]
}

run "refuses_keys_nobody_reads" {
  command = plan
  variables { msk = { brokers = { max_volume_gib = 500, volume_gb = 20 }, famly = "express" } }
  expect_failures = [terraform_data.inputs]

  assert {
    condition = local.unknown_parts == [
      "msk has no part brokers.volume_gb; beside it there are: brokers.count, brokers.instance_type, brokers.max_volume_gib, brokers.tiered_storage, brokers.volume_gib, brokers.volume_throughput_mibps.",
      "msk has no part famly; beside it there are: authentication, brokers, client_cidrs, client_prefix_lists, client_security_groups, family, kafka_version, monitoring, private_accounts, replication, retention_days, scraper_security_groups, server_properties.",
    ]
    error_message = "Each by its place, with what could have been meant."
  }
}

run "refuses_a_subnet_that_is_none" {
  command = plan
  variables { subnet_ids = ["10.0.0.0/24", "subnet-b", "subnet-c"] }
  expect_failures = [var.subnet_ids]
}

run "refuses_a_vpc_that_is_none" {
  command = plan
  variables { vpc_id = "main" }
  expect_failures = [var.vpc_id]
}

run "refuses_to_protect_what_is_to_be_emptied" {
  command = plan
  variables {
    deletion_protection = true
    force_destroy       = true
  }
  expect_failures = [var.deletion_protection]
}

run "logs_are_kept_for_as_long_as_is_said" {
  command = plan
  variables { log_retention_days = 30 }

  assert {
    condition     = output.msk.log_group_name == "/aws/msk/pat-test-events"
    error_message = "A month is enough where nothing of value runs."
  }
}
