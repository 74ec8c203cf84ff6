variable "name" {
  description = "Name of the connector; its role, logs, security group and consumer group are named after it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,38}$", var.name))
    error_message = "name must be 1-39 letters, digits or hyphens and start with a letter or digit: a role's name, which adds '-connector' and the region, may have 64."
  }
}

variable "account" {
  description = "Account, region and partition the connector runs in, for the role's trust and the topics' ARNs."
  type = object({
    id        = string
    region    = string
    partition = optional(string, "aws")
  })
  nullable = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account.id)) && can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.account.region))
    error_message = "account.id must be the 12 digits of an AWS account and account.region a region such as 'eu-west-1'."
  }
}

variable "cluster" {
  description = "The MSK cluster to read from: its ARN, the SASL/IAM addresses, the brokers' security group and the copies a topic has."
  type = object({
    arn                = string
    bootstrap_servers  = string
    security_group_id  = string
    replication_factor = optional(number, 3)
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kafka:[a-z0-9-]+:[0-9]{12}:cluster/[^/*]+/[^/*]+$", var.cluster.arn))
    error_message = "cluster.arn must be the full ARN of one cluster (arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID), without wildcards."
  }

  validation {
    condition     = alltrue([for server in split(",", var.cluster.bootstrap_servers) : can(regex("^[^:]+:9098$", trimspace(server)))])
    error_message = "cluster.bootstrap_servers must be the SASL/IAM addresses, all on port 9098; take bootstrap_brokers_sasl_iam, not the TLS or plaintext list."
  }
}

variable "network" {
  description = <<-EOT
    Where the workers run. They need a way to S3: an S3 gateway endpoint, whose prefix list is
    given as `s3_prefix_list_id` and is then the only destination on port 443, or a NAT gateway.
  EOT
  type = object({
    vpc_id            = string
    subnet_ids        = list(string)
    s3_prefix_list_id = optional(string)
  })
  nullable = false

  validation {
    condition     = length(var.network.subnet_ids) >= 2
    error_message = "network.subnet_ids must hold at least two subnets, so that a lost availability zone does not stop the archive."
  }
}

variable "topics" {
  description = "Topics to archive."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.topics) > 0 && alltrue([for topic in var.topics : can(regex("^[a-zA-Z0-9._-]{1,249}$", topic))])
    error_message = "topics must name at least one topic, each 1-249 letters, digits, '.', '_' or '-'."
  }
}

variable "plugin" {
  description = <<-EOT
    ZIP or JAR with the sink connector, as an object of a versioned bucket, and the connector's
    class. The object's version is part of the plugin's name: a new upload is a new plugin. The
    default class is Confluent's, which has its own licence; another class brings its properties
    in `connector_properties`.
  EOT
  type = object({
    bucket_arn     = string
    key            = string
    object_version = string
    class          = optional(string, "io.confluent.connect.s3.S3SinkConnector")
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]+$", var.plugin.bucket_arn))
    error_message = "plugin.bucket_arn must be the ARN of a bucket (arn:aws:s3:::NAME)."
  }

  validation {
    condition     = can(regex("\\.(zip|jar)$", var.plugin.key))
    error_message = "plugin.key must end in '.zip' or '.jar', the two kinds MSK Connect takes."
  }

  validation {
    condition     = length(var.plugin.object_version) > 0
    error_message = "plugin.object_version is empty: turn versioning on for the plugin's bucket and give the object's version, or a new upload would be missed."
  }
}

variable "connector_properties" {
  description = "Further properties of the connector; they win over those this module chooses. Those that follow from other inputs are refused."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setintersection(keys(var.connector_properties), ["connector.class", "topics", "topics.regex", "s3.bucket.name", "s3.region"])) == 0
    error_message = "connector_properties must not set the class, the topics, the bucket or the region; use plugin.class, topics and bucket_name."
  }

  validation {
    condition     = length([for key in keys(var.connector_properties) : key if can(regex("(password|secret|access\\.key)", key))]) == 0
    error_message = "connector_properties holds a password or a key, which would be readable by everybody who may describe the connector; the connector's role gives access to S3."
  }
}

variable "flush" {
  description = "A file is closed after `records` events or `interval_s` seconds, whichever comes first."
  type = object({
    records    = optional(number, 50000)
    interval_s = optional(number, 600)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.flush.records >= 1 && var.flush.interval_s >= 60
    error_message = "flush.records must be at least 1 and flush.interval_s at least 60: smaller files cost more to write than to keep."
  }
}

variable "capacity" {
  description = "Size of a worker in MSK Connect units (1 vCPU, 4 GiB each) and the range in which workers are scaled by CPU."
  type = object({
    mcu_count   = optional(number, 1)
    min_workers = optional(number, 1)
    max_workers = optional(number, 2)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([1, 2, 4, 8], var.capacity.mcu_count)
    error_message = "capacity.mcu_count must be 1, 2, 4 or 8."
  }

  validation {
    condition     = var.capacity.min_workers >= 1 && var.capacity.max_workers >= var.capacity.min_workers && var.capacity.max_workers <= 10
    error_message = "capacity.min_workers must be at least 1, capacity.max_workers at least as many and at most 10."
  }
}

variable "kafkaconnect_version" {
  description = "Version of Kafka Connect."
  type        = string
  default     = "3.7.x"
  nullable    = false

  validation {
    condition     = contains(["2.7.1", "3.7.x"], var.kafkaconnect_version)
    error_message = "kafkaconnect_version must be '2.7.1' or '3.7.x', the versions MSK Connect runs."
  }
}

variable "bucket_name" {
  description = "Name of the archive's bucket, unique in AWS."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name must be 3-63 lower-case letters, digits or hyphens and start and end with a letter or digit."
  }
}

variable "archive" {
  description = <<-EOT
    `cold_after_days` moves objects to Glacier Instant Retrieval, `expire_after_days` deletes them
    (null keeps them permanently), `force_destroy` lets `terraform destroy` delete a bucket that still
    holds events.
  EOT
  type = object({
    cold_after_days   = optional(number, 30)
    expire_after_days = optional(number)
    force_destroy     = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.archive.cold_after_days >= 1
    error_message = "archive.cold_after_days must be at least 1."
  }

  validation {
    condition     = try(var.archive.expire_after_days >= var.archive.cold_after_days + 90, var.archive.expire_after_days == null)
    error_message = "archive.expire_after_days must be at least 90 more than cold_after_days, because Glacier Instant Retrieval bills 90 days in any case; raise it or leave it out."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key for the archive and the workers' logs."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID); an alias cannot be used here."
  }
}

variable "log_retention_days" {
  description = "Days for which the workers' logs are kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a period CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "deletion_protection" {
  description = "Refuse every plan that would delete or replace the archive's bucket."
  type        = bool
  default     = false
  nullable    = false
}

variable "roles" {
  description = "Path of the roles made here, and the policy that bounds what they may at most."
  type = object({
    path                     = optional(string, "/")
    permissions_boundary_arn = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^/([!-~]+/)?$", var.roles.path))
    error_message = "roles.path must begin and end with '/'."
  }

  validation {
    condition     = var.roles.permissions_boundary_arn == null ? true : can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/", var.roles.permissions_boundary_arn))
    error_message = "roles.permissions_boundary_arn must be the ARN of a policy (arn:aws:iam::ACCOUNT:policy/NAME)."
  }
}
