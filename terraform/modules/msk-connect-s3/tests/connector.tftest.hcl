mock_provider "aws" {
  override_during = plan

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/pat-test-archive-connector" }
  }
  mock_resource "aws_mskconnect_custom_plugin" {
    defaults = {
      arn             = "arn:aws:kafkaconnect:eu-west-1:111122223333:custom-plugin/pat-test/11111111-2222-3333-4444-555555555555-1"
      latest_revision = 1
    }
  }
  mock_resource "aws_mskconnect_worker_configuration" {
    defaults = {
      arn             = "arn:aws:kafkaconnect:eu-west-1:111122223333:worker-configuration/pat-test/11111111-2222-3333-4444-555555555555-1"
      latest_revision = 1
    }
  }
  mock_resource "aws_security_group" {
    defaults = { id = "sg-workers" }
  }
}

variables {
  name    = "pat-test-archive"
  account = { id = "111122223333", region = "eu-west-1" }
  cluster = {
    arn               = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat/11111111-2222-3333-4444-555555555555-1"
    bootstrap_servers = "b-1.test:9098,b-2.test:9098"
    security_group_id = "sg-brokers"
  }
  network = { vpc_id = "vpc-1", subnet_ids = ["subnet-a", "subnet-b"] }
  topics  = ["pat-events", "pat-emails"]
  plugin = {
    bucket_arn     = "arn:aws:s3:::plugins"
    key            = "s3-sink.zip"
    object_version = "v1"
  }
  bucket_name = "pat-test-archive-111122223333"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "events_are_archived_as_the_bytes_they_are" {
  command = plan

  assert {
    condition = aws_mskconnect_connector.archive.connector_configuration == tomap({
      "connector.class"                                 = "io.confluent.connect.s3.S3SinkConnector"
      "errors.deadletterqueue.context.headers.enable"   = "true"
      "errors.deadletterqueue.topic.name"               = "pat-test-archive.dlq"
      "errors.deadletterqueue.topic.replication.factor" = "3"
      "errors.log.enable"                               = "true"
      "errors.tolerance"                                = "all"
      "flush.size"                                      = "50000"
      "format.class"                                    = "io.confluent.connect.s3.format.bytearray.ByteArrayFormat"
      "headers.format.class"                            = "io.confluent.connect.s3.format.json.JsonFormat"
      "key.converter"                                   = "org.apache.kafka.connect.converters.ByteArrayConverter"
      "keys.format.class"                               = "io.confluent.connect.s3.format.bytearray.ByteArrayFormat"
      "locale"                                          = "en-US"
      "partition.duration.ms"                           = "3600000"
      "partitioner.class"                               = "io.confluent.connect.storage.partitioner.TimeBasedPartitioner"
      "path.format"                                     = "'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH"
      "rotate.schedule.interval.ms"                     = "600000"
      "s3.bucket.name"                                  = "pat-test-archive-111122223333"
      "s3.region"                                       = "eu-west-1"
      "storage.class"                                   = "io.confluent.connect.s3.storage.S3Storage"
      "store.kafka.headers"                             = "true"
      "store.kafka.keys"                                = "true"
      "tasks.max"                                       = "2"
      "timestamp.extractor"                             = "Record"
      "timezone"                                        = "UTC"
      "topics"                                          = "pat-emails,pat-events"
      "value.converter"                                 = "org.apache.kafka.connect.converters.ByteArrayConverter"
    })
    error_message = "Keys, headers and values are kept untouched; what cannot be written goes to the dead-letter topic."
  }
}

run "the_connector_authenticates_by_iam_over_tls" {
  command = plan

  assert {
    condition = (
      aws_mskconnect_connector.archive.kafka_cluster_client_authentication[0].authentication_type == "IAM"
      && aws_mskconnect_connector.archive.kafka_cluster_encryption_in_transit[0].encryption_type == "TLS"
      && aws_mskconnect_connector.archive.service_execution_role_arn == aws_iam_role.connector.arn
      && aws_mskconnect_connector.archive.kafka_cluster[0].apache_kafka_cluster[0].vpc[0].security_groups == toset(["sg-workers"])
    )
    error_message = "The workers connect as their role, encrypted, from their own security group."
  }
  assert {
    condition     = aws_mskconnect_connector.archive.capacity[0].autoscaling[0].min_worker_count == 1 && aws_mskconnect_connector.archive.capacity[0].autoscaling[0].max_worker_count == 2
    error_message = "Workers scale in the given range."
  }
  assert {
    condition = (
      aws_mskconnect_connector.archive.log_delivery[0].worker_log_delivery[0].cloudwatch_logs[0].log_group == "/aws/mskconnect/pat-test-archive"
      && aws_cloudwatch_log_group.workers.retention_in_days == 365 && aws_cloudwatch_log_group.workers.kms_key_id == var.kms_key_arn
    )
    error_message = "Workers log to an encrypted log group that is kept for a year."
  }
}

run "workers_reach_the_brokers_and_s3_only" {
  command = plan
  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-a", "subnet-b"], s3_prefix_list_id = "pl-s3" }
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.kafka.referenced_security_group_id == "sg-brokers" && aws_vpc_security_group_egress_rule.kafka.from_port == 9098 && aws_vpc_security_group_egress_rule.kafka.to_port == 9098
      && aws_vpc_security_group_egress_rule.s3.prefix_list_id == "pl-s3" && aws_vpc_security_group_egress_rule.s3.cidr_ipv4 == null && aws_vpc_security_group_egress_rule.s3.to_port == 443
    )
    error_message = "Out: Kafka with SASL/IAM and S3 through the endpoint."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.brokers.security_group_id == "sg-brokers" && aws_vpc_security_group_ingress_rule.brokers.referenced_security_group_id == "sg-workers" && aws_vpc_security_group_ingress_rule.brokers.to_port == 9098
    error_message = "The brokers let the workers in."
  }
}

run "without_an_endpoint_s3_is_reached_through_the_nat_gateway" {
  command = plan

  assert {
    condition     = aws_vpc_security_group_egress_rule.s3.cidr_ipv4 == "0.0.0.0/0" && aws_vpc_security_group_egress_rule.s3.from_port == 443
    error_message = "TLS to anywhere, since S3's addresses are not known."
  }
}

run "the_archive_is_private_versioned_and_encrypted" {
  command = plan

  assert {
    condition = (
      aws_s3_bucket_versioning.archive.versioning_configuration[0].status == "Enabled"
      && one(aws_s3_bucket_server_side_encryption_configuration.archive.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
      && one(aws_s3_bucket_server_side_encryption_configuration.archive.rule).apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn
      && aws_s3_bucket_public_access_block.archive.block_public_acls && aws_s3_bucket_public_access_block.archive.block_public_policy
      && aws_s3_bucket_public_access_block.archive.ignore_public_acls && aws_s3_bucket_public_access_block.archive.restrict_public_buckets
      && one(aws_s3_bucket_ownership_controls.archive.rule).object_ownership == "BucketOwnerEnforced"
      && !aws_s3_bucket.archive.force_destroy
    )
    error_message = "Nobody else's, no lost versions, the given key, and not destroyed with its events."
  }
  assert {
    condition     = jsondecode(output.bucket_policy_json).Statement == [{ Sid = "TlsOnly", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::pat-test-archive-111122223333", "arn:aws:s3:::pat-test-archive-111122223333/*"], Condition = { Bool = { "aws:SecureTransport" = "false" } } }]
    error_message = "The bucket's policy allows nothing and denies plaintext."
  }
  assert {
    condition     = aws_s3_bucket_policy.archive.policy == output.bucket_policy_json
    error_message = "The bucket carries the policy."
  }
  assert {
    condition = (
      { for rule in aws_s3_bucket_lifecycle_configuration.archive.rule : rule.id => rule.status } == { "abort-unfinished-uploads" = "Enabled", "age" = "Enabled" }
      && one(aws_s3_bucket_lifecycle_configuration.archive.rule[0].abort_incomplete_multipart_upload).days_after_initiation == 7
      && one(aws_s3_bucket_lifecycle_configuration.archive.rule[1].transition).days == 30
      && length(aws_s3_bucket_lifecycle_configuration.archive.rule[1].expiration) == 0
    )
    error_message = "Unfinished uploads go, objects get cold after 30 days and are kept."
  }
}

run "archived_events_can_expire" {
  command = plan
  variables { archive = { cold_after_days = 10, expire_after_days = 400, force_destroy = true } }

  assert {
    condition     = one(aws_s3_bucket_lifecycle_configuration.archive.rule[1].expiration).days == 400 && one(aws_s3_bucket_lifecycle_configuration.archive.rule[1].transition).days == 10 && aws_s3_bucket.archive.force_destroy
    error_message = "The given ages apply."
  }
}

run "only_this_connector_may_assume_the_role" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.connector.assume_role_policy).Statement == [{
      Sid       = "ThisConnectorOnly", Effect = "Allow", Action = "sts:AssumeRole"
      Principal = { Service = "kafkaconnect.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = "111122223333" }
        ArnLike      = { "aws:SourceArn" = "arn:aws:kafkaconnect:eu-west-1:111122223333:connector/pat-test-archive/*" }
      }
    }]
    error_message = "MSK Connect, for the connector of this name in this account."
  }
}

run "the_role_reads_its_topics_and_writes_its_bucket" {
  command = plan

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.connector.policy).Statement : statement.Sid => statement.Resource } == {
      Connect          = ["arn:aws:kafka:eu-west-1:111122223333:cluster/pat/11111111-2222-3333-4444-555555555555-1"]
      ReadTopics       = ["arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/pat-emails", "arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/pat-events"]
      WriteDeadLetters = ["arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/pat-test-archive.dlq"]
      KeepState        = ["arn:aws:kafka:eu-west-1:111122223333:topic/pat/11111111-2222-3333-4444-555555555555-1/__amazon_msk_connect_*"]
      CommitOffsets = [
        "arn:aws:kafka:eu-west-1:111122223333:group/pat/11111111-2222-3333-4444-555555555555-1/__amazon_msk_connect_*",
        "arn:aws:kafka:eu-west-1:111122223333:group/pat/11111111-2222-3333-4444-555555555555-1/connect-pat-test-archive",
      ]
      FindArchive  = ["arn:aws:s3:::pat-test-archive-111122223333"]
      WriteArchive = ["arn:aws:s3:::pat-test-archive-111122223333/*"]
      FetchPlugin  = ["arn:aws:s3:::plugins/s3-sink.zip"]
      UseKey       = ["arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"]
    }
    error_message = "Each permission names its resource; wildcards end in what the service names itself or in the bucket's objects."
  }
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.connector.policy).Statement : statement.Sid => statement.Action } == {
      Connect          = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:WriteDataIdempotently"]
      ReadTopics       = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
      WriteDeadLetters = ["kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
      KeepState        = ["kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData", "kafka-cluster:WriteData"]
      CommitOffsets    = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
      FindArchive      = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
      WriteArchive     = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
      FetchPlugin      = ["s3:GetObject", "s3:GetObjectVersion"]
      UseKey           = ["kms:Decrypt", "kms:GenerateDataKey"]
    }
    error_message = "Actions are named one by one, and none deletes an archived event."
  }
}

run "a_new_upload_is_a_new_plugin" {
  command = plan
  variables {
    plugin = { bucket_arn = "arn:aws:s3:::plugins", key = "s3-sink.zip", object_version = "v2" }
  }

  assert {
    condition     = aws_mskconnect_custom_plugin.sink.name == "pat-test-archive-${substr(sha256("arn:aws:s3:::plugins/s3-sink.zip/v2"), 0, 8)}" && aws_mskconnect_custom_plugin.sink.content_type == "ZIP"
    error_message = "The object's version is part of the plugin's name."
  }
  assert {
    condition     = aws_mskconnect_custom_plugin.sink.location[0].s3[0].object_version == "v2"
    error_message = "The plugin is the given version of the object."
  }
}

run "another_connector_brings_its_own_properties" {
  command = plan
  variables {
    plugin               = { bucket_arn = "arn:aws:s3:::plugins", key = "sink.jar", object_version = "v1", class = "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector" }
    connector_properties = { "aws.s3.bucket.name" = "pat-test-archive-111122223333", "errors.tolerance" = "none" }
  }

  assert {
    condition = (
      !contains(keys(aws_mskconnect_connector.archive.connector_configuration), "storage.class")
      && aws_mskconnect_connector.archive.connector_configuration["aws.s3.bucket.name"] == "pat-test-archive-111122223333"
      && aws_mskconnect_connector.archive.connector_configuration["errors.tolerance"] == "none"
    )
    error_message = "Confluent's properties are for Confluent's class; given ones win."
  }
  assert {
    condition     = aws_mskconnect_custom_plugin.sink.content_type == "JAR"
    error_message = "The kind of plugin follows from its file."
  }
}

run "what_the_whole_account_shares_has_the_region_in_its_name" {
  command = plan

  assert {
    condition     = aws_iam_role.connector.name == "pat-test-archive-connector-eu-west-1"
    error_message = "In another region the same name would be taken."
  }
}

run "roles_are_where_and_within_what_is_said" {
  command = plan
  variables { roles = { path = "/events/", permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary" } }
  assert {
    condition     = aws_iam_role.connector.path == "/events/" && aws_iam_role.connector.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"
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
