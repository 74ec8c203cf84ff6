# Applies the MSK modules as they are. MSK, MSK Connect and application auto-scaling are a
# stub; everything else is LocalStack, found by AWS_ENDPOINT_URL.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

variable "stub_url" {
  description = "Where the stub answers."
  type        = string
}

variable "upgraded" {
  description = "Whether the cluster has had its upgrade: a later Kafka version and other properties of the connector."
  type        = bool
  default     = false
}

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "000000000000"
  secret_key                  = "test"
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_credentials_validation = true
  s3_use_path_style           = true
  # An answer the stub does not know is a fault of the test: say so at once.
  max_retries = 2

  endpoints {
    kafka          = var.stub_url
    kafkaconnect   = var.stub_url
    appautoscaling = var.stub_url
  }
}

locals {
  catalog = yamldecode(file("${path.module}/../../../../schemas/catalog.yaml"))
  account = { id = "000000000000", region = "eu-west-1" }
  zones   = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  families = {
    standard   = { max_volume_gib = 500 }
    express    = {}
    serverless = {}
  }
  network = {
    vpc_id                  = aws_vpc.this.id
    subnet_ids              = aws_subnet.this[*].id
    client_security_groups  = { services = aws_security_group.services.id }
    scraper_security_groups = { prometheus = aws_security_group.services.id }
  }
}

resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "this" {
  count = length(local.zones)

  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 8, count.index)
  availability_zone = local.zones[count.index]
}

resource "aws_security_group" "services" {
  name        = "services"
  description = "Producers and consumers"
  vpc_id      = aws_vpc.this.id
}

resource "aws_kms_key" "this" {
  description = "MSK"
}

resource "aws_sns_topic" "this" {
  for_each = toset(["critical", "warning"])

  name = each.key
}

module "cluster" {
  source   = "../../../../terraform/modules/msk-cluster"
  for_each = local.families

  name          = "pat-${each.key}"
  family        = each.key
  kafka_version = var.upgraded ? "4.0.x.kraft" : "3.9.x.kraft"
  brokers       = each.value
  network       = local.network
  kms_key_arn   = aws_kms_key.this.arn
}

module "iam" {
  source = "../../../../terraform/modules/msk-iam"

  cluster_arn = module.cluster["standard"].arn
  events      = local.catalog.events
  groups      = local.catalog.groups
}

# The policies as IAM parses them.
resource "aws_iam_policy" "group" {
  for_each = local.catalog.groups

  name   = "consume-${each.key}"
  policy = module.iam.consumer_policy_jsons[each.key]
}

resource "aws_iam_policy" "topic_admin" {
  name   = "topic-admin"
  policy = module.iam.topic_admin_policy_json
}

resource "aws_s3_bucket" "plugins" {
  bucket        = "pat-plugins"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "plugins" {
  bucket = aws_s3_bucket.plugins.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_object" "plugin" {
  bucket  = aws_s3_bucket_versioning.plugins.bucket
  key     = "sink.zip"
  content = "a connector"
}

module "connect" {
  source = "../../../../terraform/modules/msk-connect-s3"

  name        = "pat-archive"
  account     = local.account
  network     = { vpc_id = aws_vpc.this.id, subnet_ids = aws_subnet.this[*].id }
  topics      = keys(local.catalog.topics)
  bucket_name = "pat-archive"
  kms_key_arn = aws_kms_key.this.arn
  flush       = { records = var.upgraded ? 10000 : 50000 }

  cluster = {
    arn               = module.cluster["standard"].arn
    bootstrap_servers = module.cluster["standard"].bootstrap_servers
    security_group_id = module.cluster["standard"].security_group_id
  }
  plugin = {
    bucket_arn     = aws_s3_bucket.plugins.arn
    key            = aws_s3_object.plugin.key
    object_version = aws_s3_object.plugin.version_id
  }
}

# For one broker: every broker has the same alarms.
module "alarms" {
  source   = "../../../../terraform/modules/msk-alarms"
  for_each = module.cluster

  cluster = {
    name    = each.value.name
    family  = each.value.family
    brokers = try(merge(each.value.brokers, { count = 1, instance_type = each.value.brokers.instance_type }), null)
  }
  topic_arns = { for severity, topic in aws_sns_topic.this : severity => topic.arn }
  lag        = { notifier = { group = "notifier", topic = "pat-emails" } }
  connectors = each.key == "standard" ? [module.connect.connector_name] : []
}
