# Run once for each file of environments/, which sets the variables.
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
  mock_resource "aws_msk_cluster" {
    override_during = plan
    defaults = {
      arn                        = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat/11111111-2222-3333-4444-555555555555-1"
      bootstrap_brokers_sasl_iam = "b-1.test:9098,b-2.test:9098,b-3.test:9098"
    }
  }
}

# An environment's network is not in its file: it is what examples/vpc printed. Nor is who is told.
variables {
  alert_subscribers = { critical-alerts = ["c@example.com"] }
  vpc_id            = "vpc-1"
  subnet_ids        = ["subnet-a", "subnet-b", "subnet-c"]
}

run "the_environment_can_be_planned" {
  command = plan

  assert {
    condition     = output.event_bus.name == "pat-${var.environment}" && toset(keys(output.queues)) == toset(keys(local.catalog.queues))
    error_message = "Bus and queues are the environment's own."
  }
  assert {
    condition     = var.deletion_protection == (var.environment == "prod")
    error_message = "What production holds is not deleted by a plan."
  }
  assert {
    condition     = !var.force_destroy || contains(["dev", "local"], var.environment)
    error_message = "Only environments without anything of value may lose their buckets."
  }
  assert {
    condition     = var.environment == "local" || (var.encrypt_bus && var.enable_xray && var.enable_msk)
    error_message = "Only LocalStack goes without key on the bus, traces and MSK."
  }
  assert {
    condition     = alltrue([for arns in local.shown_alarms : length(arns) <= 100])
    error_message = "CloudWatch refuses a widget of more than 100 alarms."
  }
}

run "the_archive_can_be_planned_where_there_is_a_cluster" {
  command = plan
  variables {
    msk_connect = var.environment == "local" ? null : { plugin = { bucket_arn = "arn:aws:s3:::plugins", key = "sink.zip", object_version = "v1" } }
  }

  assert {
    condition     = alltrue([for arns in local.shown_alarms : length(arns) <= 100])
    error_message = "CloudWatch refuses a widget of more than 100 alarms."
  }
}
