locals {
  consumer_group    = "connect-${var.name}"
  dead_letter_topic = "${var.name}.dlq"

  # Events stay the bytes they are: headers say how to read them, so headers are kept too.
  converter = "org.apache.kafka.connect.converters.ByteArrayConverter"

  worker_properties = join("\n", ["key.converter=${local.converter}", "value.converter=${local.converter}"])

  common_properties = {
    "tasks.max"       = var.capacity.mcu_count * var.capacity.max_workers
    "key.converter"   = local.converter
    "value.converter" = local.converter
    # An event that cannot be written is kept with its cause; without this one such event
    # stops the archive until somebody looks.
    "errors.tolerance"                                = "all"
    "errors.deadletterqueue.topic.name"               = local.dead_letter_topic
    "errors.deadletterqueue.topic.replication.factor" = var.cluster.replication_factor
    "errors.deadletterqueue.context.headers.enable"   = true
    "errors.log.enable"                               = true
  }
  confluent_properties = {
    "storage.class"        = "io.confluent.connect.s3.storage.S3Storage"
    "format.class"         = "io.confluent.connect.s3.format.bytearray.ByteArrayFormat"
    "store.kafka.keys"     = true
    "keys.format.class"    = "io.confluent.connect.s3.format.bytearray.ByteArrayFormat"
    "store.kafka.headers"  = true
    "headers.format.class" = "io.confluent.connect.s3.format.json.JsonFormat"
    "flush.size"           = var.flush.records
    # By the clock, so that a quiet topic is archived as well. A restart may then write some
    # events twice; readers tell them apart by event id.
    "rotate.schedule.interval.ms" = var.flush.interval_s * 1000
    "partitioner.class"           = "io.confluent.connect.storage.partitioner.TimeBasedPartitioner"
    "partition.duration.ms"       = 3600000
    "path.format"                 = "'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH"
    "timestamp.extractor"         = "Record"
    "timezone"                    = "UTC"
    "locale"                      = "en-US"
  }
  given_properties = {
    "connector.class" = var.plugin.class
    "topics"          = join(",", sort(var.topics))
    "s3.bucket.name"  = var.bucket_name
    "s3.region"       = var.account.region
  }
  connector_properties = {
    for key, value in merge(
      local.common_properties,
      startswith(var.plugin.class, "io.confluent.") ? local.confluent_properties : {},
      var.connector_properties,
      local.given_properties,
    ) : key => tostring(value)
  }

  plugin_id = substr(sha256(join("/", [var.plugin.bucket_arn, var.plugin.key, var.plugin.object_version])), 0, 8)
  worker_id = substr(sha256(local.worker_properties), 0, 8)
}

resource "aws_security_group" "workers" {
  name        = "${var.name}-workers"
  description = "Workers of the connector ${var.name}"
  vpc_id      = var.network.vpc_id

  tags = { Name = "${var.name}-workers" }
}

resource "aws_vpc_security_group_egress_rule" "kafka" {
  security_group_id            = aws_security_group.workers.id
  referenced_security_group_id = var.cluster.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 9098
  to_port                      = 9098
  description                  = "Kafka with SASL/IAM"
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.workers.id
  prefix_list_id    = var.network.s3_prefix_list_id
  cidr_ipv4         = var.network.s3_prefix_list_id == null ? "0.0.0.0/0" : null
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = "S3 over TLS"
}

resource "aws_vpc_security_group_ingress_rule" "brokers" {
  security_group_id            = var.cluster.security_group_id
  referenced_security_group_id = aws_security_group.workers.id
  ip_protocol                  = "tcp"
  from_port                    = 9098
  to_port                      = 9098
  description                  = "Kafka with SASL/IAM from the connector ${var.name}"
}

resource "aws_iam_role" "connector" {
  name                 = "${var.name}-connector-${var.account.region}"
  description          = "Reads topics and writes them to the archive"
  assume_role_policy   = local.trust_policy
  path                 = var.roles.path
  permissions_boundary = var.roles.permissions_boundary_arn
}

resource "aws_iam_role_policy" "connector" {
  name   = "archive"
  role   = aws_iam_role.connector.id
  policy = local.role_policy
}

resource "aws_cloudwatch_log_group" "workers" {
  name              = "/aws/mskconnect/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

# Plugins and worker configurations cannot be changed, names are unique, and what a connector
# uses cannot be deleted: hence the digest in the name and create_before_destroy.
resource "aws_mskconnect_custom_plugin" "sink" {
  name         = "${var.name}-${local.plugin_id}"
  content_type = upper(reverse(split(".", var.plugin.key))[0])

  location {
    s3 {
      bucket_arn     = var.plugin.bucket_arn
      file_key       = var.plugin.key
      object_version = var.plugin.object_version
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_mskconnect_worker_configuration" "bytes" {
  name                    = "${var.name}-${local.worker_id}"
  properties_file_content = local.worker_properties

  lifecycle {
    create_before_destroy = true
  }
}

# MSK Connect may take an update of a connector's properties without applying it; a change of
# this digest replaces the connector. The new one goes on from the group's offsets.
resource "terraform_data" "configuration" {
  input = sha256(jsonencode(local.connector_properties))
}

resource "aws_mskconnect_connector" "archive" {
  name                       = var.name
  description                = "Archives topics in ${var.bucket_name}"
  kafkaconnect_version       = var.kafkaconnect_version
  service_execution_role_arn = aws_iam_role.connector.arn
  connector_configuration    = local.connector_properties

  capacity {
    autoscaling {
      mcu_count        = var.capacity.mcu_count
      min_worker_count = var.capacity.min_workers
      max_worker_count = var.capacity.max_workers
      scale_in_policy {
        cpu_utilization_percentage = 20
      }
      scale_out_policy {
        cpu_utilization_percentage = 80
      }
    }
  }

  kafka_cluster {
    apache_kafka_cluster {
      bootstrap_servers = var.cluster.bootstrap_servers
      vpc {
        security_groups = [aws_security_group.workers.id]
        subnets         = var.network.subnet_ids
      }
    }
  }

  kafka_cluster_client_authentication {
    authentication_type = "IAM"
  }

  kafka_cluster_encryption_in_transit {
    encryption_type = "TLS"
  }

  plugin {
    custom_plugin {
      arn      = aws_mskconnect_custom_plugin.sink.arn
      revision = aws_mskconnect_custom_plugin.sink.latest_revision
    }
  }

  worker_configuration {
    arn      = aws_mskconnect_worker_configuration.bytes.arn
    revision = aws_mskconnect_worker_configuration.bytes.latest_revision
  }

  log_delivery {
    worker_log_delivery {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.workers.name
      }
    }
  }

  # The first worker of a region is long in coming.
  timeouts {
    create = "60m"
    delete = "30m"
  }

  lifecycle {
    replace_triggered_by = [terraform_data.configuration]
  }

  # Workers start at once: permissions, ways and a safe bucket come first, and go last.
  depends_on = [
    aws_iam_role_policy.connector,
    aws_s3_bucket_policy.archive,
    aws_s3_bucket_server_side_encryption_configuration.archive,
    aws_s3_bucket_versioning.archive,
    aws_vpc_security_group_egress_rule.kafka,
    aws_vpc_security_group_egress_rule.s3,
    aws_vpc_security_group_ingress_rule.brokers,
  ]
}
