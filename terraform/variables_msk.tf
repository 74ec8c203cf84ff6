variable "enable_msk" {
  description = "Create the MSK cluster and what hangs on it. Everything else works without."
  type        = bool
  default     = true
  nullable    = false
}

variable "vpc_id" {
  description = "VPC of the MSK brokers. Needed with `enable_msk`."
  type        = string
  default     = null

  validation {
    condition     = !var.enable_msk || var.vpc_id != null
    error_message = "vpc_id is missing: name the VPC the brokers live in, or set enable_msk to false."
  }
  validation {
    condition     = var.vpc_id == null || can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id ${coalesce(var.vpc_id, "null")} is no id of a VPC (vpc-…)."
  }
}

variable "subnet_ids" {
  description = "Private subnets of the MSK brokers, one in each availability zone. Needed with `enable_msk`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = !var.enable_msk || length(var.subnet_ids) > 0
    error_message = "subnet_ids is missing: name one private subnet in each of two or three availability zones, or set enable_msk to false."
  }
  validation {
    condition     = alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "subnet_ids has what is no id of a subnet (subnet-…): ${join(", ", [for id in var.subnet_ids : id if !can(regex("^subnet-[0-9a-f]+$", id))])}."
  }
}

variable "msk" {
  description = <<-EOT
    The cluster; the module msk-cluster documents each part. `family` is `standard`, `express` or
    `serverless`; a standard cluster needs `brokers.max_volume_gib`, the size up to which storage
    may grow. `client_security_groups`, `client_cidrs` and `client_prefix_lists` (name => id or range) may reach
    the brokers, `scraper_security_groups` their metrics; `private_accounts` come from networks of their own.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "msk_successor" {
  description = <<-EOT
    A cluster of another `family` beside the one of `msk`, while clients move to it; then `msk` takes
    what stands here, and the first goes. Clients and scrapers are those of `msk` unless named.
  EOT
  type        = any
  default     = null

  validation {
    condition     = var.msk_successor == null || contains(setsubtract(["standard", "express", "serverless"], [try(coalesce(var.msk.family), "standard")]), try(var.msk_successor.family, ""))
    error_message = "msk_successor.family must be another than that of msk, ${try(coalesce(var.msk.family), "standard")}: within a family a cluster changes in place."
  }
  validation {
    condition     = var.msk_successor == null || var.enable_msk
    error_message = "msk_successor follows the cluster of msk; set enable_msk to true."
  }
}

variable "msk_lag" {
  description = <<-EOT
    When lag of a consumer group on a topic is too much: events in the worst partition, events in the
    topic, estimated seconds to catch up; and how loud the alarm is. `overrides` has other values for
    a group ("notifier") or for a group on one topic ("notifier/pat-emails"). The archive is watched
    by time alone: it commits when it closes a file.
  EOT
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition = length(setsubtract(try(keys(var.msk_lag.overrides), []), flatten([
      for group, topics in local.msk_readers : concat([group], [for topic in topics : "${group}/${topic}"])
    ]))) == 0
    error_message = "msk_lag.overrides names a group or topic nobody reads; write the group as the catalogue does, or group/topic."
  }
}

variable "msk_connect" {
  description = <<-EOT
    Archive every topic of the catalogue to S3 with MSK Connect; null archives nothing. `plugin` is
    the sink connector's ZIP in a versioned bucket. The module msk-connect-s3 documents each part.
  EOT
  type        = any
  default     = null

  validation {
    condition     = var.msk_connect == null || can(var.msk_connect.plugin.bucket_arn) && can(var.msk_connect.plugin.key) && can(var.msk_connect.plugin.object_version)
    error_message = "msk_connect.plugin needs bucket_arn, key and object_version: the connector's ZIP in a versioned bucket."
  }
  validation {
    condition     = var.msk_connect == null || var.enable_msk
    error_message = "msk_connect archives the topics of the MSK cluster; set enable_msk to true or leave msk_connect out."
  }
}
