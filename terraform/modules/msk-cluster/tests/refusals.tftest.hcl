# Every refusal happens at plan time, before anything is made.
mock_provider "aws" {}

variables {
  name        = "pat-test"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  network = {
    vpc_id     = "vpc-1"
    subnet_ids = ["subnet-a", "subnet-b", "subnet-c"]
  }
  brokers = { max_volume_gib = 500 }
}

run "refuses_a_name_msk_would_refuse" {
  command = plan
  variables {
    name = "pat_test"
  }
  expect_failures = [var.name]
}

run "refuses_a_name_that_leaves_no_room_for_the_version" {
  command = plan
  variables {
    name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }
  expect_failures = [var.name]
}

run "refuses_an_unknown_family" {
  command = plan
  variables {
    family = "provisioned"
  }
  expect_failures = [var.family]
}

run "refuses_a_kafka_version_iam_does_not_cover_fully" {
  command = plan
  variables {
    kafka_version = "3.7.x.kraft"
  }
  expect_failures = [var.kafka_version]
}

run "refuses_a_malformed_kafka_version" {
  command = plan
  variables {
    kafka_version = "latest"
  }
  expect_failures = [var.kafka_version]
}

run "refuses_a_subnet_given_twice" {
  command = plan
  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-a", "subnet-b", "subnet-a"] }
  }
  expect_failures = [var.network]
}

run "refuses_a_single_subnet" {
  command = plan
  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-a"] }
  }
  expect_failures = [var.network]
}

run "refuses_four_subnets" {
  command = plan
  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-a", "subnet-b", "subnet-c", "subnet-d"] }
    brokers = { count = 4, max_volume_gib = 500 }
  }
  expect_failures = [var.network]
}

run "refuses_express_in_two_zones" {
  command = plan
  variables {
    family  = "express"
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-a", "subnet-b"] }
    brokers = { instance_type = "express.m7g.large", count = 2 }
  }
  expect_failures = [var.network]
}

run "refuses_a_broker_count_that_is_no_multiple_of_the_subnets" {
  command = plan
  variables {
    brokers = { count = 4, max_volume_gib = 500 }
  }
  expect_failures = [var.brokers]
}

run "refuses_a_cluster_without_brokers" {
  command = plan
  variables {
    brokers = { count = 0, max_volume_gib = 500 }
  }
  expect_failures = [var.brokers]
}

run "refuses_an_express_broker_in_the_standard_family" {
  command = plan
  variables {
    brokers = { instance_type = "express.m7g.large", max_volume_gib = 500 }
  }
  expect_failures = [var.brokers]
}

run "refuses_a_standard_broker_in_the_express_family" {
  command = plan
  variables {
    family  = "express"
    brokers = { instance_type = "kafka.m7g.large" }
  }
  expect_failures = [var.brokers]
}

run "refuses_burstable_brokers" {
  command = plan
  variables {
    brokers = { instance_type = "kafka.t3.small", max_volume_gib = 500 }
  }
  expect_failures = [var.brokers]
}

run "refuses_a_size_there_is_not" {
  command = plan
  variables {
    brokers = { instance_type = "kafka.m7g.huge", max_volume_gib = 500 }
  }
  expect_failures = [var.brokers]
}

run "refuses_a_standard_broker_for_express" {
  command = plan
  variables {
    family  = "express"
    brokers = { instance_type = "kafka.m7g.large" }
  }
  expect_failures = [var.brokers]
}

run "refuses_half_a_gib" {
  command = plan
  variables {
    brokers = { volume_gib = 100.5, max_volume_gib = 500 }
  }
  expect_failures = [var.brokers]
}

run "refuses_zookeeper_from_3_9_on" {
  command = plan
  variables {
    kafka_version = "3.9.x"
  }
  expect_failures = [var.kafka_version]
}

run "refuses_a_missing_maximum_of_storage" {
  command = plan
  variables {
    brokers = {}
  }
  expect_failures = [var.brokers]
}

run "refuses_a_maximum_below_the_first_step_of_growth" {
  command = plan
  variables {
    brokers = { volume_gib = 100, max_volume_gib = 105 }
  }
  expect_failures = [var.brokers]
}

run "refuses_a_maximum_above_what_a_broker_can_have" {
  command = plan
  variables {
    brokers = { max_volume_gib = 20000 }
  }
  expect_failures = [var.brokers]
}

run "refuses_a_volume_that_cannot_hold_a_log" {
  command = plan
  variables {
    brokers = { volume_gib = 1, max_volume_gib = 500 }
  }
  expect_failures = [var.brokers]
}

run "refuses_tiered_storage_on_express" {
  command = plan
  variables {
    family  = "express"
    brokers = { instance_type = "express.m7g.large", tiered_storage = true }
  }
  expect_failures = [var.brokers]
}

run "refuses_as_many_copies_in_sync_as_there_are" {
  command = plan
  variables {
    replication = { factor = 3, min_in_sync = 3 }
  }
  expect_failures = [var.replication]
}

run "refuses_acknowledgement_without_any_copy" {
  command = plan
  variables {
    replication = { factor = 3, min_in_sync = 0 }
  }
  expect_failures = [var.replication]
}

run "refuses_more_copies_than_brokers" {
  command = plan
  variables {
    replication = { factor = 4 }
  }
  expect_failures = [var.replication]
}

run "refuses_a_single_copy" {
  command = plan
  variables {
    replication = { factor = 1, min_in_sync = 1 }
  }
  expect_failures = [var.replication]
}

run "refuses_other_replication_on_express" {
  command = plan
  variables {
    family      = "express"
    brokers     = { instance_type = "express.m7g.large" }
    replication = { factor = 2, min_in_sync = 1 }
  }
  expect_failures = [var.replication]
}

run "refuses_retention_below_seven_days" {
  command = plan
  variables {
    retention_days = 6
  }
  expect_failures = [var.retention_days]
}

run "refuses_retention_of_part_of_a_day" {
  command = plan
  variables {
    retention_days = 7.5
  }
  expect_failures = [var.retention_days]
}

run "refuses_topics_created_by_accident" {
  command = plan
  variables {
    server_properties = { "auto.create.topics.enable" = "true" }
  }
  expect_failures = [var.server_properties]
}

run "refuses_unclean_elections" {
  command = plan
  variables {
    server_properties = { "unclean.leader.election.enable" = "true" }
  }
  expect_failures = [var.server_properties]
}

run "refuses_retention_by_another_door" {
  command = plan
  variables {
    server_properties = { "log.retention.ms" = "1000" }
  }
  expect_failures = [var.server_properties]
}

run "refuses_a_property_that_is_none" {
  command = plan
  variables {
    server_properties = { "KAFKA_HEAP_OPTS" = "-Xmx1g" }
  }
  expect_failures = [var.server_properties]
}

run "refuses_properties_on_serverless" {
  command = plan
  variables {
    family            = "serverless"
    server_properties = { "message.max.bytes" = "1" }
  }
  expect_failures = [var.server_properties]
}

run "refuses_an_alias_for_a_key" {
  command = plan
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:alias/pat"
  }
  expect_failures = [var.kms_key_arn]
}

run "refuses_an_unknown_monitoring_level" {
  command = plan
  variables {
    monitoring = { level = "PER_CONSUMER" }
  }
  expect_failures = [var.monitoring]
}

run "refuses_a_log_retention_cloudwatch_does_not_know" {
  command = plan
  variables {
    monitoring = { log_retention_days = 366 }
  }
  expect_failures = [var.monitoring]
}

run "refuses_a_security_group_that_is_none" {
  command = plan
  variables {
    network = {
      vpc_id                 = "vpc-1"
      subnet_ids             = ["subnet-a", "subnet-b", "subnet-c"]
      client_security_groups = { services = "services" }
    }
  }
  expect_failures = [var.network]
}

run "refuses_standard_brokers_without_logs" {
  command = plan
  variables {
    monitoring = { broker_logs = false }
  }
  expect_failures = [var.monitoring]
}

run "warns_of_a_property_msk_does_not_know" {
  command = plan
  variables {
    server_properties = { "message.max.byte" = "1000000" }
  }
  expect_failures = [check.server_properties]
}

run "refuses_everybodys_addresses" {
  command = plan
  variables { network = { vpc_id = "vpc-1", subnet_ids = ["subnet-a", "subnet-b", "subnet-c"], client_cidrs = { all = "0.0.0.0/0" } } }
  expect_failures = [var.network]
}

run "refuses_a_prefix_list_by_name" {
  command = plan
  variables { network = { vpc_id = "vpc-1", subnet_ids = ["subnet-a", "subnet-b", "subnet-c"], client_prefix_lists = { partners = "partners" } } }
  expect_failures = [var.network]
}

run "refuses_a_secret_msk_does_not_take" {
  command = plan
  variables { authentication = { scram_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:legacy-x"] } }
  expect_failures = [var.authentication]
}

run "refuses_a_certificate_for_an_authority" {
  command = plan
  variables { authentication = { tls_ca_arns = ["arn:aws:acm:eu-west-1:111122223333:certificate/1"] } }
  expect_failures = [var.authentication]
}

run "refuses_less_throughput_than_there_is_by_itself" {
  command = plan
  variables { brokers = { max_volume_gib = 500, volume_throughput_mibps = 100 } }
  expect_failures = [var.brokers]
}
