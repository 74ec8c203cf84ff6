# A VPC for the brokers where there is none yet: three private subnets and the way to S3
# that MSK Connect needs. `terraform output -raw tfvars` prints what the platform wants.
variable "region" {
  description = "AWS region of the VPC."
  type        = string
  default     = "eu-west-1"
}

variable "availability_zones" {
  description = "The three zones brokers are placed in. Named, so that a new zone of the region moves nothing."
  type        = list(string)
  default     = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]

  validation {
    condition     = length(distinct(var.availability_zones)) == 3 && alltrue([for zone in var.availability_zones : startswith(zone, var.region)])
    error_message = "availability_zones must be three different zones of the region."
  }
}

variable "cidr_block" {
  description = "Addresses of the VPC; each subnet gets a sixteenth."
  type        = string
  default     = "10.42.0.0/20"

  validation {
    condition     = can(cidrsubnet(var.cidr_block, 4, 2))
    error_message = "cidr_block must be an IPv4 range such as 10.42.0.0/20."
  }
}

provider "aws" {
  region = var.region
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr_block
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = { Name = "pat-events" }
}

# Who talked to whom, for the day somebody asks. Where the account has flow logs for all its VPCs, leave
# this out.
variable "flow_logs_retention_days" {
  description = "Days flow logs are kept; null keeps none."
  type        = number
  default     = 365
}

data "aws_caller_identity" "this" {}

locals {
  flow_logs = toset(var.flow_logs_retention_days == null ? [] : ["pat-events-flow"])
}

resource "aws_cloudwatch_log_group" "flow" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts them with its own key; they hold addresses and no events
  for_each = local.flow_logs

  name              = "/aws/vpc/${each.key}"
  retention_in_days = var.flow_logs_retention_days
}

resource "aws_iam_role" "flow" {
  for_each = local.flow_logs

  name        = "${each.key}-${var.region}"
  description = "Writes flow logs of the VPC of pat-events"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.this.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "flow" {
  for_each = local.flow_logs

  name = "write-flow-logs"
  role = aws_iam_role.flow[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "WriteFlowLogs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.flow[each.key].arn}:*"
    }]
  })
}

resource "aws_flow_log" "this" {
  for_each = local.flow_logs

  vpc_id          = aws_vpc.this.id
  traffic_type    = "ALL"
  log_destination = aws_cloudwatch_log_group.flow[each.key].arn
  iam_role_arn    = aws_iam_role.flow[each.key].arn
}

# The default group lets everything in it talk to each other; nothing shall use it.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "private" {
  count = 3

  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet(var.cidr_block, 4, count.index)
  availability_zone = var.availability_zones[count.index]

  tags = { Name = "pat-events-private-${count.index}", Tier = "private" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "pat-events-private" }
}

resource "aws_route_table_association" "private" {
  count = 3

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
}

# Without a NAT gateway this is the way to the services that producers, consumers and functions
# call. Each costs by the hour and zone: leave out what nothing in this VPC calls.
variable "endpoints" {
  description = "AWS services that are reached from the VPC."
  type        = set(string)
  default     = ["events", "kms", "logs", "monitoring", "sns", "sqs", "states", "sts"]
}

resource "aws_security_group" "endpoints" {
  name        = "pat-events-endpoints"
  description = "TLS from the VPC to AWS services"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "pat-events-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  security_group_id = aws_security_group.endpoints.id
  cidr_ipv4         = var.cidr_block
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = "TLS from the VPC"
}

resource "aws_vpc_endpoint" "services" {
  for_each = var.endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.endpoints.id]

  tags = { Name = "pat-events-${each.key}" }
}

output "tfvars" {
  description = "Network inputs of the platform, as a .tfvars file."
  value       = <<-EOT
    vpc_id     = "${aws_vpc.this.id}"
    subnet_ids = ${jsonencode(aws_subnet.private[*].id)}
  EOT
}

output "s3_prefix_list_id" {
  description = "For `msk_connect.s3_prefix_list_id`: S3 as the archive's workers reach it."
  value       = aws_vpc_endpoint.s3.prefix_list_id
}
