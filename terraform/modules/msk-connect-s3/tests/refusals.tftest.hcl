# Every refusal happens at plan time, before anything is made.
mock_provider "aws" {}

variables {
  name    = "pat-test-archive"
  account = { id = "111122223333", region = "eu-west-1" }
  cluster = {
    arn               = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat/11111111-2222-3333-4444-555555555555-1"
    bootstrap_servers = "b-1.test:9098"
    security_group_id = "sg-brokers"
  }
  network     = { vpc_id = "vpc-1", subnet_ids = ["subnet-a", "subnet-b"] }
  topics      = ["pat-emails"]
  plugin      = { bucket_arn = "arn:aws:s3:::plugins", key = "s3-sink.zip", object_version = "v1" }
  bucket_name = "pat-test-archive-111122223333"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "refuses_a_name_that_is_none" {
  command = plan
  variables {
    name = "pat archive"
  }
  expect_failures = [var.name]
}

run "refuses_a_malformed_account" {
  command = plan
  variables {
    account = { id = "1", region = "eu-west-1" }
  }
  expect_failures = [var.account]
}

run "refuses_an_unknown_kind_of_region" {
  command = plan
  variables {
    account = { id = "111122223333", region = "europe" }
  }
  expect_failures = [var.account]
}

run "refuses_a_cluster_wildcard" {
  command = plan
  variables {
    cluster = { arn = "arn:aws:kafka:eu-west-1:111122223333:cluster/*", bootstrap_servers = "b:9098", security_group_id = "sg-1" }
  }
  expect_failures = [var.cluster]
}

run "refuses_addresses_that_are_not_for_iam" {
  command = plan
  variables {
    cluster = { arn = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat/1-1", bootstrap_servers = "b-1.test:9094", security_group_id = "sg-1" }
  }
  expect_failures = [var.cluster]
}

run "refuses_plaintext_addresses_among_others" {
  command = plan
  variables {
    cluster = { arn = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat/1-1", bootstrap_servers = "b-1.test:9098,b-2.test:9092", security_group_id = "sg-1" }
  }
  expect_failures = [var.cluster]
}

run "refuses_a_single_subnet" {
  command = plan
  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-a"] }
  }
  expect_failures = [var.network]
}

run "refuses_no_topics" {
  command = plan
  variables {
    topics = []
  }
  expect_failures = [var.topics]
}

run "refuses_a_topic_pattern" {
  command = plan
  variables {
    topics = ["pat-.*"]
  }
  expect_failures = [var.topics]
}

run "refuses_a_bucket_name_for_a_bucket_arn" {
  command = plan
  variables {
    plugin = { bucket_arn = "plugins", key = "s3-sink.zip", object_version = "v1" }
  }
  expect_failures = [var.plugin]
}

run "refuses_a_plugin_msk_connect_cannot_unpack" {
  command = plan
  variables {
    plugin = { bucket_arn = "arn:aws:s3:::plugins", key = "s3-sink.tar.gz", object_version = "v1" }
  }
  expect_failures = [var.plugin]
}

run "refuses_a_plugin_without_a_version" {
  command = plan
  variables {
    plugin = { bucket_arn = "arn:aws:s3:::plugins", key = "s3-sink.zip", object_version = "" }
  }
  expect_failures = [var.plugin]
}

run "refuses_another_bucket_by_the_back_door" {
  command = plan
  variables {
    connector_properties = { "s3.bucket.name" = "elsewhere" }
  }
  expect_failures = [var.connector_properties]
}

run "refuses_a_secret_in_plain_sight" {
  command = plan
  variables {
    connector_properties = { "aws.secret.access.key" = "x" }
  }
  expect_failures = [var.connector_properties]
}

run "refuses_files_of_no_events" {
  command = plan
  variables {
    flush = { records = 0 }
  }
  expect_failures = [var.flush]
}

run "refuses_files_of_a_few_seconds" {
  command = plan
  variables {
    flush = { interval_s = 5 }
  }
  expect_failures = [var.flush]
}

run "refuses_a_worker_size_msk_connect_does_not_have" {
  command = plan
  variables {
    capacity = { mcu_count = 3 }
  }
  expect_failures = [var.capacity]
}

run "refuses_fewer_workers_than_the_minimum" {
  command = plan
  variables {
    capacity = { min_workers = 3, max_workers = 2 }
  }
  expect_failures = [var.capacity]
}

run "refuses_more_workers_than_msk_connect_scales_to" {
  command = plan
  variables {
    capacity = { max_workers = 11 }
  }
  expect_failures = [var.capacity]
}

run "refuses_an_unknown_kafka_connect" {
  command = plan
  variables {
    kafkaconnect_version = "3.9.x"
  }
  expect_failures = [var.kafkaconnect_version]
}

run "refuses_a_bucket_name_s3_would_refuse" {
  command = plan
  variables {
    bucket_name = "Pat_Archive"
  }
  expect_failures = [var.bucket_name]
}

run "refuses_objects_that_are_cold_at_once" {
  command = plan
  variables {
    archive = { cold_after_days = 0 }
  }
  expect_failures = [var.archive]
}

run "refuses_objects_that_expire_while_still_billed" {
  command = plan
  variables {
    archive = { cold_after_days = 30, expire_after_days = 60 }
  }
  expect_failures = [var.archive]
}

run "refuses_an_alias_for_a_key" {
  command = plan
  variables {
    kms_key_arn = "alias/pat"
  }
  expect_failures = [var.kms_key_arn]
}

run "refuses_a_log_period_cloudwatch_does_not_know" {
  command = plan
  variables {
    log_retention_days = 31
  }
  expect_failures = [var.log_retention_days]
}
