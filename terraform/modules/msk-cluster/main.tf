locals {
  instance_type = coalesce(var.brokers.instance_type, var.family == "express" ? "express.m7g.large" : "kafka.m7g.large")

  provisioned = var.family == "serverless" ? {} : { (var.family) = var.brokers }
  serverless  = var.family == "serverless" ? { serverless = true } : {}
  standard    = var.family == "standard" ? { standard = var.brokers } : {}
  logged      = var.monitoring.broker_logs ? local.provisioned : {}
  shared      = length(var.private_accounts) > 0 ? local.provisioned : {}

  # Express brokers refuse the properties MSK fixes for them, so only what they let a
  # configuration say is sent; retention is then each topic's own.
  durability_properties = {
    "default.replication.factor"               = var.replication.factor
    "log.retention.hours"                      = var.retention_days * 24
    "min.insync.replicas"                      = var.replication.min_in_sync
    "offsets.topic.replication.factor"         = var.replication.factor
    "transaction.state.log.min.isr"            = var.replication.min_in_sync
    "transaction.state.log.replication.factor" = var.replication.factor
    # MSK's own default is true on clusters without tiered storage.
    "unclean.leader.election.enable" = false
  }
  server_properties = merge(
    { "auto.create.topics.enable" = false },
    { for key, value in local.durability_properties : key => value if var.family == "standard" },
    var.server_properties,
  )

  # Port to how a client authenticates there.
  client_ports = merge(
    { 9098 = "SASL/IAM" },
    length(var.authentication.scram_secret_arns) > 0 ? { 9096 = "SASL/SCRAM" } : {},
    length(var.authentication.tls_ca_arns) > 0 ? { 9094 = "a TLS certificate" } : {},
  )
  metrics_ports = { 11001 = "metrics", 11002 = "metrics" }

  # Who is let in where; each is a security group, addresses or a prefix list.
  ways_in = merge([
    for way in [
      { kind = "client", ports = local.client_ports, from = { for name, id in var.network.client_security_groups : name => { group = id } } },
      { kind = "addresses", ports = local.client_ports, from = { for name, cidr in var.network.client_cidrs : name => { cidr = cidr } } },
      { kind = "prefix-list", ports = local.client_ports, from = { for name, id in var.network.client_prefix_lists : name => { prefix_list = id } } },
      { kind = "scraper", ports = local.metrics_ports, from = { for name, id in var.network.scraper_security_groups : name => { group = id } } },
      ] : merge([
        for name, source in way.from : { for port, what in way.ports : "${way.kind}/${name}/${port}" => merge(source, { port = port, text = "${what == "metrics" ? "Metrics for" : "Kafka with ${what} from"} ${name}" }) }
    ]...)
  ]...)
}

# Brokers open no connections into the VPC, so of their own there is no egress rule: answers
# to clients need none.
resource "aws_security_group" "this" {
  name        = "${var.name}-brokers"
  description = "Brokers of the MSK cluster ${var.name}"
  vpc_id      = var.network.vpc_id

  tags = { Name = "${var.name}-brokers" }
}

# Lambda puts the pollers of a mapping into the brokers' subnets, with the brokers' security group.
resource "aws_vpc_security_group_ingress_rule" "functions" {
  count = var.network.functions ? 1 : 0

  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = 9098
  to_port                      = 9098
  description                  = "Kafka with SASL/IAM from event source mappings"
}

resource "aws_vpc_security_group_egress_rule" "functions" {
  count = var.network.functions ? 1 : 0

  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = 9098
  to_port                      = 9098
  description                  = "Event source mappings to Kafka with SASL/IAM"
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = local.ways_in

  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = try(each.value.group, null)
  cidr_ipv4                    = try(each.value.cidr, null)
  prefix_list_id               = try(each.value.prefix_list, null)
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  description                  = each.value.text
}

resource "aws_cloudwatch_log_group" "brokers" {
  for_each = local.logged

  name              = "/aws/msk/${var.name}"
  retention_in_days = var.monitoring.log_retention_days
  kms_key_id        = var.kms_key_arn
}

# A change of the Kafka version replaces the configuration, and MSK neither deletes one in
# use nor takes a second one of the same name: hence the version in the name and
# create_before_destroy.
resource "aws_msk_configuration" "this" {
  for_each = local.provisioned

  name              = "${var.name}-${replace(var.kafka_version, ".", "-")}"
  kafka_versions    = [var.kafka_version]
  server_properties = join("\n", [for key, value in local.server_properties : "${key}=${value}"])

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_msk_cluster" "this" {
  for_each = local.provisioned

  cluster_name           = var.name
  kafka_version          = var.kafka_version
  number_of_broker_nodes = each.value.count
  enhanced_monitoring    = var.monitoring.level
  storage_mode           = each.value.tiered_storage ? "TIERED" : null

  broker_node_group_info {
    instance_type   = local.instance_type
    client_subnets  = var.network.subnet_ids
    security_groups = [aws_security_group.this.id]

    connectivity_info {
      public_access {
        type = "DISABLED"
      }
      # MSK takes it of a cluster that is there: the provider makes it first, and then turns this on.
      dynamic "vpc_connectivity" {
        for_each = local.shared
        content {
          client_authentication {
            sasl {
              iam = true
            }
          }
        }
      }
    }

    dynamic "storage_info" {
      for_each = local.standard
      content {
        ebs_storage_info {
          volume_size = storage_info.value.volume_gib

          dynamic "provisioned_throughput" {
            for_each = storage_info.value.volume_throughput_mibps[*]
            content {
              enabled           = true
              volume_throughput = provisioned_throughput.value
            }
          }
        }
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.this[each.key].arn
    revision = aws_msk_configuration.this[each.key].latest_revision
  }

  client_authentication {
    unauthenticated = false
    sasl {
      iam   = true
      scram = length(var.authentication.scram_secret_arns) > 0
    }
    dynamic "tls" {
      for_each = length(var.authentication.tls_ca_arns) > 0 ? [var.authentication.tls_ca_arns] : []
      content {
        certificate_authority_arns = tls.value
      }
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = var.kms_key_arn
    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  open_monitoring {
    prometheus {
      jmx_exporter {
        enabled_in_broker = true
      }
      node_exporter {
        enabled_in_broker = true
      }
    }
  }

  dynamic "logging_info" {
    for_each = aws_cloudwatch_log_group.brokers
    content {
      broker_logs {
        cloudwatch_logs {
          enabled   = true
          log_group = logging_info.value.name
        }
        dynamic "s3" {
          for_each = var.monitoring.log_bucket[*]
          content {
            enabled = true
            bucket  = s3.value
            prefix  = "${var.name}/"
          }
        }
        dynamic "firehose" {
          for_each = var.monitoring.log_firehose[*]
          content {
            enabled         = true
            delivery_stream = firehose.value
          }
        }
      }
    }
  }

  # An upgrade of Kafka and another size of broker restart one broker after the other, each of which
  # first catches up with what was written meanwhile.
  timeouts {
    create = "3h"
    update = "12h"
    delete = "3h"
  }

  lifecycle {
    # Auto-scaling grows the volumes; a plan must not ask for the first size again.
    ignore_changes = [broker_node_group_info[0].storage_info[0].ebs_storage_info[0].volume_size]
  }
}

resource "aws_msk_scram_secret_association" "this" {
  for_each = length(var.authentication.scram_secret_arns) > 0 ? aws_msk_cluster.this : {}

  cluster_arn     = each.value.arn
  secret_arn_list = var.authentication.scram_secret_arns
}

# IAM's policies say nothing of these clients, Kafka's ACLs do.
check "acls" {
  assert {
    condition     = length(local.client_ports) == 1 || contains(keys(var.server_properties), "allow.everyone.if.no.acl.found")
    error_message = "Clients of ${var.name} that authenticate with SCRAM or a certificate may do everything with what has no ACL. Once ACLs are there, set allow.everyone.if.no.acl.found = false in server_properties."
  }
}

resource "aws_msk_serverless_cluster" "this" {
  for_each = local.serverless

  cluster_name = var.name

  vpc_config {
    subnet_ids         = var.network.subnet_ids
    security_group_ids = [aws_security_group.this.id]
  }

  client_authentication {
    sasl {
      iam {
        enabled = true
      }
    }
  }
}

# Terraform's prevent_destroy takes no variable, so something that is there by input stands before
# the cluster: it goes when that goes or is replaced, and it must not.
resource "terraform_data" "deletion_protection" {
  for_each = var.deletion_protection ? { (var.family) = true } : {}

  triggers_replace = one(concat(values(aws_msk_cluster.this)[*].arn, values(aws_msk_serverless_cluster.this)[*].arn))

  lifecycle {
    prevent_destroy = true
  }
}
