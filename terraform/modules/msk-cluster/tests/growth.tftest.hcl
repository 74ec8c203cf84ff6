mock_provider "aws" {
  mock_resource "aws_msk_cluster" {
    defaults = {
      arn                        = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat-test/11111111-2222-3333-4444-555555555555-1"
      bootstrap_brokers_sasl_iam = "b-1.test:9098,b-2.test:9098,b-3.test:9098"
    }
  }
  mock_resource "aws_msk_configuration" {
    defaults = {
      arn             = "arn:aws:kafka:eu-west-1:111122223333:configuration/pat-test/11111111-2222-3333-4444-555555555555-1"
      latest_revision = 1
    }
  }
  mock_resource "aws_security_group" {
    defaults = { id = "sg-brokers" }
  }
}

variables {
  name        = "pat-test"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  network = {
    vpc_id                  = "vpc-1"
    subnet_ids              = ["subnet-a", "subnet-b", "subnet-c"]
    client_security_groups  = { services = "sg-5e" }
    scraper_security_groups = { prometheus = "sg-90" }
  }
  brokers = { volume_gib = 20, max_volume_gib = 500 }
}

run "brokers_have_their_first_size" {
  assert {
    condition     = aws_msk_cluster.this["standard"].broker_node_group_info[0].storage_info[0].ebs_storage_info[0].volume_size == 20
    error_message = "As given."
  }
}

run "a_plan_that_passes_over_a_larger_size_says_so" {
  command = plan
  variables { brokers = { volume_gib = 60, max_volume_gib = 500 } }
  expect_failures = [check.volume_gib]
}
