mock_provider "aws" {
  override_during = plan

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
  brokers = { max_volume_gib = 500 }
}

run "other_accounts_reach_the_brokers_and_end_at_reading_and_writing" {
  command = plan
  variables { private_accounts = ["444455556666"] }

  assert {
    condition     = aws_msk_cluster.this["standard"].broker_node_group_info[0].connectivity_info[0].vpc_connectivity[0].client_authentication[0].sasl[0].iam
    error_message = "By IAM alone."
  }
  assert {
    condition     = [for s in jsondecode(aws_msk_cluster_policy.this["standard"].policy).Statement : s.Principal.AWS] == [["444455556666"], ["444455556666"]]
    error_message = "Those accounts, and nobody else."
  }
  assert {
    condition     = length(regexall("kafka-cluster:(Create|Delete|Alter(Topic|Cluster)|[*])", aws_msk_cluster_policy.this["standard"].policy)) == 0
    error_message = "None of them makes, alters or deletes a topic."
  }
}

run "refuses_a_private_account_by_its_name" {
  command = plan
  variables { private_accounts = ["partner"] }
  expect_failures = [var.private_accounts]
}

run "an_upgrade_of_many_brokers_may_take_hours" {
  command = plan

  assert {
    condition     = aws_msk_cluster.this["standard"].timeouts.update == "12h"
    error_message = "Terraform's own two hours are for some twelve brokers."
  }
}

run "only_iam_over_tls_gets_in" {
  command = plan

  assert {
    condition     = !aws_msk_cluster.this["standard"].client_authentication[0].unauthenticated
    error_message = "Nobody connects without authentication."
  }
  assert {
    condition = (
      aws_msk_cluster.this["standard"].client_authentication[0].sasl[0].iam
      && coalesce(aws_msk_cluster.this["standard"].client_authentication[0].sasl[0].scram, false) == false
      && length(aws_msk_cluster.this["standard"].client_authentication[0].tls) == 0
    )
    error_message = "IAM is the one way to authenticate."
  }
  assert {
    condition = (
      aws_msk_cluster.this["standard"].encryption_info[0].encryption_in_transit[0].client_broker == "TLS"
      && aws_msk_cluster.this["standard"].encryption_info[0].encryption_in_transit[0].in_cluster
    )
    error_message = "Traffic is TLS between clients and brokers and between brokers."
  }
  assert {
    condition     = aws_msk_cluster.this["standard"].encryption_info[0].encryption_at_rest_kms_key_arn == var.kms_key_arn
    error_message = "Data at rest is under the given key."
  }
  assert {
    condition     = aws_msk_cluster.this["standard"].broker_node_group_info[0].connectivity_info[0].public_access[0].type == "DISABLED"
    error_message = "Brokers have no public address."
  }
}

run "ports_are_those_the_clients_use" {
  command = plan

  assert {
    condition = {
      for key, rule in aws_vpc_security_group_ingress_rule.this : key => "${rule.referenced_security_group_id}:${rule.from_port}-${rule.to_port}/${rule.ip_protocol}"
      } == {
      "client/services/9098"     = "sg-5e:9098-9098/tcp"
      "scraper/prometheus/11001" = "sg-90:11001-11001/tcp"
      "scraper/prometheus/11002" = "sg-90:11002-11002/tcp"
    }
    error_message = "9098 from clients, 11001 and 11002 from the scraper, nothing else."
  }
  assert {
    condition     = length(aws_security_group.this.ingress) == 0 && length(aws_security_group.this.egress) == 0
    error_message = "No rules beside those above."
  }
}

run "server_properties_keep_what_was_acknowledged" {
  command = plan

  assert {
    condition = sort(split("\n", aws_msk_configuration.this["standard"].server_properties)) == tolist([
      "auto.create.topics.enable=false",
      "default.replication.factor=3",
      "log.retention.hours=168",
      "min.insync.replicas=2",
      "offsets.topic.replication.factor=3",
      "transaction.state.log.min.isr=2",
      "transaction.state.log.replication.factor=3",
      "unclean.leader.election.enable=false",
    ])
    error_message = "Replication 3 with 2 in sync, seven days, no unclean election, no topics by accident."
  }
  assert {
    condition     = aws_msk_configuration.this["standard"].name == "pat-test-3-9-x-kraft" && aws_msk_configuration.this["standard"].kafka_versions == toset(["3.9.x.kraft"])
    error_message = "The version is part of the configuration's name, or an upgrade clashes with the configuration in use."
  }
  assert {
    condition     = aws_msk_cluster.this["standard"].configuration_info[0].revision == 1
    error_message = "The cluster runs the configuration's latest revision."
  }
}

run "further_properties_are_added" {
  command = plan
  variables {
    server_properties = { "message.max.bytes" = "2097152" }
    retention_days    = 14
  }

  assert {
    condition     = length(setsubtract(["message.max.bytes=2097152", "log.retention.hours=336"], split("\n", aws_msk_configuration.this["standard"].server_properties))) == 0
    error_message = "Given properties and the retention reach the brokers."
  }
}

run "storage_grows_and_never_shrinks" {
  command = plan

  assert {
    condition = (
      aws_appautoscaling_target.storage["standard"].service_namespace == "kafka"
      && aws_appautoscaling_target.storage["standard"].scalable_dimension == "kafka:broker-storage:VolumeSize"
      && aws_appautoscaling_target.storage["standard"].resource_id == aws_msk_cluster.this["standard"].arn
      && aws_appautoscaling_target.storage["standard"].max_capacity == 500
    )
    error_message = "Storage scales up to the given maximum."
  }
  assert {
    condition = (
      aws_appautoscaling_policy.storage["standard"].policy_type == "TargetTrackingScaling"
      && aws_appautoscaling_policy.storage["standard"].target_tracking_scaling_policy_configuration[0].disable_scale_in
      && aws_appautoscaling_policy.storage["standard"].target_tracking_scaling_policy_configuration[0].target_value == 60
      && aws_appautoscaling_policy.storage["standard"].target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type == "KafkaBrokerStorageUtilization"
    )
    error_message = "Growth starts at 60 % and is never undone."
  }
  assert {
    condition     = aws_msk_cluster.this["standard"].broker_node_group_info[0].storage_info[0].ebs_storage_info[0].volume_size == 100
    error_message = "The first size is the given one."
  }
}

run "everything_is_observed" {
  command = plan

  assert {
    condition = (
      aws_msk_cluster.this["standard"].logging_info[0].broker_logs[0].cloudwatch_logs[0].enabled
      && aws_msk_cluster.this["standard"].logging_info[0].broker_logs[0].cloudwatch_logs[0].log_group == "/aws/msk/pat-test"
      && aws_cloudwatch_log_group.brokers["standard"].retention_in_days == 365
      && aws_cloudwatch_log_group.brokers["standard"].kms_key_id == var.kms_key_arn
    )
    error_message = "Broker logs go to an encrypted log group and stay for a year."
  }
  assert {
    condition = (
      aws_msk_cluster.this["standard"].open_monitoring[0].prometheus[0].jmx_exporter[0].enabled_in_broker
      && aws_msk_cluster.this["standard"].open_monitoring[0].prometheus[0].node_exporter[0].enabled_in_broker
      && aws_msk_cluster.this["standard"].enhanced_monitoring == "PER_BROKER"
    )
    error_message = "Prometheus and CloudWatch see the brokers."
  }
}

run "monitoring_goes_down_to_partitions_on_request" {
  command = plan
  variables { monitoring = { level = "PER_TOPIC_PER_PARTITION", log_retention_days = 731 } }

  assert {
    condition     = aws_msk_cluster.this["standard"].enhanced_monitoring == "PER_TOPIC_PER_PARTITION" && aws_cloudwatch_log_group.brokers["standard"].retention_in_days == 731
    error_message = "The asked-for level and retention apply."
  }
}

run "outputs_are_what_clients_and_policies_need" {
  command = plan

  assert {
    condition = (
      output.arn == aws_msk_cluster.this["standard"].arn
      && output.bootstrap_servers == "b-1.test:9098,b-2.test:9098,b-3.test:9098"
      && jsonencode(output.brokers) == jsonencode({ count = 3, instance_type = "kafka.m7g.large", monitoring_level = "PER_BROKER", volume_throughput_mibps = null })
      && output.replication_factor == 3 && output.min_insync_replicas == 2
      && output.security_group_id == "sg-brokers" && output.log_group_name == "/aws/msk/pat-test"
    )
    error_message = "Outputs carry the cluster's values."
  }
}

run "old_segments_can_move_to_the_cheaper_tier" {
  command = plan
  variables { brokers = { max_volume_gib = 500, tiered_storage = true } }

  assert {
    condition     = aws_msk_cluster.this["standard"].storage_mode == "TIERED"
    error_message = "Tiered storage is on."
  }
}

run "clients_come_by_group_range_and_prefix_list" {
  command = plan
  variables {
    network = {
      vpc_id                 = "vpc-1"
      subnet_ids             = ["subnet-a", "subnet-b", "subnet-c"]
      client_security_groups = { services = "sg-5e" }
      client_cidrs           = { office = "10.20.0.0/16" }
      client_prefix_lists    = { partners = "pl-1" }
      functions              = true
    }
  }
  assert {
    condition = {
      for key, rule in aws_vpc_security_group_ingress_rule.this : key => join(" ", compact([rule.referenced_security_group_id, rule.cidr_ipv4, rule.prefix_list_id, rule.description]))
      } == {
      "client/services/9098"      = "sg-5e Kafka with SASL/IAM from services"
      "addresses/office/9098"     = "10.20.0.0/16 Kafka with SASL/IAM from office"
      "prefix-list/partners/9098" = "pl-1 Kafka with SASL/IAM from partners"
    }
    error_message = "Each to the SASL/IAM port alone."
  }
  assert {
    condition     = output.let_in == { "client/services/9098" = "sg-5e", "addresses/office/9098" = "10.20.0.0/16", "prefix-list/partners/9098" = "pl-1", "functions/9098" = "sg-brokers" }
    error_message = "Whom the rules let in is told."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.functions[0].referenced_security_group_id == "sg-brokers" && aws_vpc_security_group_egress_rule.functions[0].referenced_security_group_id == "sg-brokers" && aws_vpc_security_group_egress_rule.functions[0].to_port == 9098
    error_message = "Functions' pollers have the brokers' own group, and reach Kafka and nothing else."
  }
}

run "scram_and_certificates_are_ways_in_beside_iam" {
  command = plan
  variables {
    authentication = {
      scram_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:AmazonMSK_legacy-x"]
      tls_ca_arns       = ["arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/1"]
    }
    server_properties = { "allow.everyone.if.no.acl.found" = "false" }
  }
  assert {
    condition = (
      aws_msk_cluster.this["standard"].client_authentication[0].sasl[0].iam && aws_msk_cluster.this["standard"].client_authentication[0].sasl[0].scram
      && aws_msk_cluster.this["standard"].client_authentication[0].tls[0].certificate_authority_arns == toset(["arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/1"])
      && !aws_msk_cluster.this["standard"].client_authentication[0].unauthenticated
    )
    error_message = "Nobody comes without authentication."
  }
  assert {
    condition     = aws_msk_scram_secret_association.this["standard"].secret_arn_list == toset(["arn:aws:secretsmanager:eu-west-1:111122223333:secret:AmazonMSK_legacy-x"])
    error_message = "The cluster knows the users."
  }
  assert {
    condition     = toset([for key in keys(aws_vpc_security_group_ingress_rule.this) : key if startswith(key, "client/")]) == toset(["client/services/9098", "client/services/9096", "client/services/9094"])
    error_message = "Each way has its port."
  }
  assert {
    condition     = output.other_bootstrap_servers != null && join(" ", output.settings.authentication) == "arn:aws:secretsmanager:eu-west-1:111122223333:secret:AmazonMSK_legacy-x arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/1"
    error_message = "Addresses of the others are told."
  }
}

run "warns_that_clients_without_iam_may_do_everything" {
  command = plan
  variables { authentication = { tls_ca_arns = ["arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/1"] } }
  expect_failures = [check.acls]
}

run "logs_go_where_they_are_wanted_as_well" {
  command = plan
  variables {
    monitoring = { log_bucket = "logs", log_firehose = "to-siem" }
    brokers    = { max_volume_gib = 500, volume_throughput_mibps = 500 }
  }
  assert {
    condition = (
      aws_msk_cluster.this["standard"].logging_info[0].broker_logs[0].cloudwatch_logs[0].enabled
      && aws_msk_cluster.this["standard"].logging_info[0].broker_logs[0].s3[0].bucket == "logs" && aws_msk_cluster.this["standard"].logging_info[0].broker_logs[0].s3[0].prefix == "pat-test/"
      && aws_msk_cluster.this["standard"].logging_info[0].broker_logs[0].firehose[0].delivery_stream == "to-siem"
    )
    error_message = "CloudWatch, a bucket and a stream."
  }
  assert {
    condition     = aws_msk_cluster.this["standard"].broker_node_group_info[0].storage_info[0].ebs_storage_info[0].provisioned_throughput[0].volume_throughput == 500 && output.brokers.volume_throughput_mibps == 500
    error_message = "Volumes do what was provisioned, and their alarm knows."
  }
}
