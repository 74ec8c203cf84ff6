mock_provider "aws" {
  override_during = plan

  mock_resource "aws_msk_cluster" {
    defaults = {
      arn                        = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat-test/11111111-2222-3333-4444-555555555555-1"
      bootstrap_brokers_sasl_iam = "b-1.test:9098"
    }
  }
  mock_resource "aws_msk_serverless_cluster" {
    defaults = {
      arn                        = "arn:aws:kafka:eu-west-1:111122223333:cluster/pat-test/11111111-2222-3333-4444-555555555555-s1"
      bootstrap_brokers_sasl_iam = "boot.test:9098"
    }
  }
  mock_resource "aws_msk_configuration" {
    defaults = {
      arn             = "arn:aws:kafka:eu-west-1:111122223333:configuration/pat-test/11111111-2222-3333-4444-555555555555-1"
      latest_revision = 1
    }
  }
}

variables {
  name        = "pat-test"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  network = {
    vpc_id     = "vpc-1"
    subnet_ids = ["subnet-a", "subnet-b", "subnet-c"]
  }
}

run "express_gets_only_the_properties_it_lets_be_set" {
  command = plan
  variables {
    family            = "express"
    brokers           = { count = 6 }
    server_properties = { "message.max.bytes" = "2097152" }
  }

  assert {
    condition     = aws_msk_configuration.this["express"].server_properties == "auto.create.topics.enable=false\nmessage.max.bytes=2097152"
    error_message = "Replication and elections are fixed on express brokers and must not be sent."
  }
  assert {
    condition     = aws_msk_cluster.this["express"].broker_node_group_info[0].instance_type == "express.m7g.large" && output.brokers.instance_type == "express.m7g.large"
    error_message = "Brokers are of the family unless another size is given."
  }
  assert {
    condition = (
      length(aws_msk_cluster.this["express"].broker_node_group_info[0].storage_info) == 0
      && length(aws_appautoscaling_target.storage) == 0 && length(aws_appautoscaling_policy.storage) == 0
    )
    error_message = "Express storage is MSK's business: no volumes, no scaling."
  }
  assert {
    condition = (
      !aws_msk_cluster.this["express"].client_authentication[0].unauthenticated
      && aws_msk_cluster.this["express"].client_authentication[0].sasl[0].iam
      && aws_msk_cluster.this["express"].encryption_info[0].encryption_in_transit[0].client_broker == "TLS"
      && aws_msk_cluster.this["express"].logging_info[0].broker_logs[0].cloudwatch_logs[0].enabled
    )
    error_message = "Authentication, encryption and logs are those of the standard family."
  }
}

run "express_may_leave_out_broker_logs" {
  command = plan
  variables {
    family     = "express"
    brokers    = { instance_type = "express.m7g.large" }
    monitoring = { broker_logs = false }
  }

  assert {
    condition     = length(aws_msk_cluster.this["express"].logging_info) == 0 && length(aws_cloudwatch_log_group.brokers) == 0 && output.log_group_name == null
    error_message = "Regions where express brokers send no logs refuse the block altogether."
  }
}

run "serverless_has_iam_and_nothing_to_configure" {
  command = plan
  variables { family = "serverless" }

  assert {
    condition = (
      aws_msk_serverless_cluster.this["serverless"].client_authentication[0].sasl[0].iam[0].enabled
      && aws_msk_serverless_cluster.this["serverless"].vpc_config[0].subnet_ids == toset(var.network.subnet_ids)
    )
    error_message = "The serverless cluster authenticates by IAM in the given subnets."
  }
  assert {
    condition = (
      length(aws_msk_cluster.this) == 0 && length(aws_msk_configuration.this) == 0
      && length(aws_appautoscaling_target.storage) == 0 && length(aws_cloudwatch_log_group.brokers) == 0
    )
    error_message = "Nothing of a provisioned cluster is made."
  }
  assert {
    condition     = output.bootstrap_servers == "boot.test:9098" && output.arn == aws_msk_serverless_cluster.this["serverless"].arn && output.brokers == null && output.configuration == null
    error_message = "Outputs carry the serverless cluster's values."
  }
}
