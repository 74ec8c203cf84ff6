variable "name" {
  description = "Name of the cluster; its configuration, log group and security group are named after it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,49}$", var.name))
    error_message = "name must be 1-50 letters, digits or hyphens and start with a letter or digit: MSK allows 64 and the configuration's name adds the Kafka version."
  }
}

variable "family" {
  description = <<-EOT
    Kind of cluster: `standard` (brokers with volumes of their own), `express` (brokers
    with managed storage, three zones, replication fixed by MSK) or `serverless` (no
    brokers to choose; no configuration, logs or storage either).
  EOT
  type        = string
  default     = "standard"
  nullable    = false

  validation {
    condition     = contains(["standard", "express", "serverless"], var.family)
    error_message = "family must be 'standard', 'express' or 'serverless'."
  }
}

variable "kafka_version" {
  description = <<-EOT
    Kafka version as `aws kafka list-kafka-versions` writes it, from 3.9 on with KRaft.
    Not used by `serverless`.
  EOT
  type        = string
  default     = "3.9.x.kraft"
  nullable    = false

  validation {
    condition     = can(regex("^(3\\.8\\.(x|[0-9]+)(\\.kraft)?|(3\\.9|[4-9]\\.[0-9]+)\\.(x|[0-9]+)\\.kraft)$", var.kafka_version))
    error_message = "kafka_version must be 3.8 or later and end in '.kraft' from 3.9 on, such as '3.9.x.kraft': before 3.8 IAM cannot end transactions, express brokers refuse 3.9 without KRaft, and Kafka 4 has nothing else."
  }
}

variable "network" {
  description = <<-EOT
    Where the brokers live: a VPC and one private subnet per availability zone.
    `client_security_groups` (name => id), `client_cidrs` (name => IPv4 range) and
    `client_prefix_lists` (name => id) may reach the SASL/IAM port 9098, and those of other
    `authentication`; `scraper_security_groups` (name => id) the metrics ports 11001 and 11002. `functions` lets
    event source mappings of Lambda in, which use the brokers' own security group.
  EOT
  type = object({
    vpc_id                  = string
    subnet_ids              = list(string)
    client_security_groups  = optional(map(string), {})
    scraper_security_groups = optional(map(string), {})
    client_cidrs            = optional(map(string), {})
    client_prefix_lists     = optional(map(string), {})
    functions               = optional(bool, false)
  })
  nullable = false

  validation {
    condition     = length(var.network.subnet_ids) == length(distinct(var.network.subnet_ids))
    error_message = "network.subnet_ids names a subnet twice; give one subnet in each availability zone."
  }

  validation {
    condition     = alltrue([for id in concat(values(var.network.client_security_groups), values(var.network.scraper_security_groups)) : can(regex("^sg-[0-9a-f]+$", id))])
    error_message = "network has what is no id of a security group (sg-…): ${join(", ", [for name, id in merge(var.network.client_security_groups, var.network.scraper_security_groups) : "${name} = ${id}" if !can(regex("^sg-[0-9a-f]+$", id))])}."
  }

  validation {
    condition     = alltrue([for cidr in values(var.network.client_cidrs) : can(cidrhost(cidr, 0)) && !startswith(cidr, "0.0.0.0/") && !strcontains(cidr, ":")])
    error_message = "network.client_cidrs must be IPv4 ranges such as 10.20.0.0/16, and not everybody's: ${join(", ", [for name, cidr in var.network.client_cidrs : "${name} = ${cidr}" if !can(cidrhost(cidr, 0)) || startswith(cidr, "0.0.0.0/") || strcontains(cidr, ":")])}."
  }

  validation {
    condition     = alltrue([for id in values(var.network.client_prefix_lists) : can(regex("^pl-[0-9a-f]+$", id))])
    error_message = "network.client_prefix_lists has what is no id of a prefix list (pl-…): ${join(", ", [for name, id in var.network.client_prefix_lists : "${name} = ${id}" if !can(regex("^pl-[0-9a-f]+$", id))])}."
  }

  validation {
    condition     = contains(var.family == "express" ? [3] : [2, 3], length(var.network.subnet_ids))
    error_message = "network.subnet_ids must hold three subnets in three availability zones for 'express', two or three for the other families."
  }
}

variable "brokers" {
  description = <<-EOT
    Brokers of a `standard` or `express` cluster. `instance_type` is the smallest m7g of the
    family unless given. `volume_gib` is the size a standard broker starts with; it grows by itself up to `max_volume_gib`, which has to be given because it
    bounds the bill, and never shrinks. `volume_throughput_mibps` provisions more than the volume
    has by itself, on brokers that are large enough. `tiered_storage` moves old segments to MSK's own
    cheaper tier.
  EOT
  type = object({
    instance_type  = optional(string)
    count          = optional(number, 3)
    volume_gib     = optional(number, 100)
    max_volume_gib = optional(number)
    tiered_storage = optional(bool, false)

    volume_throughput_mibps = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.brokers.instance_type == null ? true : !startswith(var.brokers.instance_type, "kafka.t3.")
    error_message = "brokers.instance_type: MSK refuses kafka.t3 brokers for the Kafka versions this module takes; use kafka.m7g.large."
  }

  validation {
    # By form, not by list: AWS adds sizes and generations.
    condition     = var.family == "serverless" || var.brokers.instance_type == null ? true : can(regex("^${var.family == "express" ? "express" : "kafka"}\\.[a-z]+[0-9]+[a-z]*\\.(large|([0-9]+)?xlarge)$", var.brokers.instance_type))
    error_message = "brokers.instance_type ${coalesce(var.brokers.instance_type, "null")} is no type of the family ${var.family}: it has the form ${var.family == "express" ? "express" : "kafka"}.m7g.large, with a generation and size that AWS offers in the region."
  }

  validation {
    condition     = var.family == "serverless" || (var.brokers.count > 0 && var.brokers.count % max(length(var.network.subnet_ids), 1) == 0)
    error_message = "brokers.count must be a multiple of the number of subnets, so that every availability zone has as many brokers as the others; change brokers.count or network.subnet_ids."
  }

  validation {
    condition     = var.family != "standard" || var.brokers.max_volume_gib != null
    error_message = "brokers.max_volume_gib is missing: say up to which size, in GiB per broker, storage may grow."
  }

  validation {
    condition = var.family != "standard" || try(
      floor(var.brokers.volume_gib) == var.brokers.volume_gib && floor(var.brokers.max_volume_gib) == var.brokers.max_volume_gib
      && var.brokers.volume_gib >= 10 && var.brokers.max_volume_gib >= var.brokers.volume_gib + 10 && var.brokers.max_volume_gib <= 16384,
      var.brokers.max_volume_gib == null,
    )
    error_message = "brokers.volume_gib and brokers.max_volume_gib must be whole numbers, brokers.volume_gib at least 10 and brokers.max_volume_gib at least 10 more (MSK grows in steps of 10 GiB or more) and at most 16384."
  }

  validation {
    condition     = try(var.family == "standard" && var.brokers.volume_throughput_mibps >= 250 && var.brokers.volume_throughput_mibps <= 2375, var.brokers.volume_throughput_mibps == null)
    error_message = "brokers.volume_throughput_mibps must be between 250 and 2375, on the 'standard' family; MSK takes it for kafka.m5.4xlarge, kafka.m7g.2xlarge and larger."
  }

  validation {
    condition     = !var.brokers.tiered_storage || var.family == "standard"
    error_message = "brokers.tiered_storage works on the 'standard' family only; set it to false or change the family."
  }
}

variable "replication" {
  description = <<-EOT
    Copies of each partition, and how many must have a write before it is acknowledged.
    Express and serverless clusters fix them at 3 and 2.
  EOT
  type = object({
    factor      = optional(number, 3)
    min_in_sync = optional(number, 2)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.family == "standard" || (var.replication.factor == 3 && var.replication.min_in_sync == 2)
    error_message = "replication is fixed at factor 3 and min_in_sync 2 on 'express' and 'serverless'; leave it out or use the 'standard' family."
  }

  validation {
    condition     = var.family != "standard" || (var.replication.factor >= 2 && var.replication.factor <= var.brokers.count)
    error_message = "replication.factor must be at least 2, or a lost broker loses events, and at most brokers.count."
  }

  validation {
    condition     = var.replication.min_in_sync >= 1 && var.replication.min_in_sync <= var.replication.factor - 1
    error_message = "replication.min_in_sync must be between 1 and replication.factor - 1: with as many as the factor, one broker's restart stops every write."
  }
}

variable "retention_days" {
  description = "Days for which a topic keeps events unless it says otherwise."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.retention_days >= 7 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number of at least 7: consumers have seven days to come back."
  }
}

variable "server_properties" {
  description = "Further broker properties. Those this module decides (replication, retention, elections, topic creation) are refused here."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.server_properties) : can(regex("^[a-z][a-z0-9.]*$", key))])
    error_message = "server_properties: a key must be a Kafka broker property such as 'message.max.bytes'."
  }

  validation {
    condition = length(setintersection(keys(var.server_properties), [
      "auto.create.topics.enable",
      "default.replication.factor",
      "log.retention.hours",
      "log.retention.minutes",
      "log.retention.ms",
      "min.insync.replicas",
      "offsets.topic.replication.factor",
      "transaction.state.log.min.isr",
      "transaction.state.log.replication.factor",
      "unclean.leader.election.enable",
    ])) == 0
    error_message = "server_properties must not set what the module decides; use replication and retention_days, and leave topic creation and unclean elections off."
  }

  validation {
    condition     = var.family != "serverless" || length(var.server_properties) == 0
    error_message = "server_properties cannot be set on 'serverless', which has no configuration; leave it empty."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key for data at rest and broker logs. Serverless clusters encrypt with a key of AWS."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID); an alias cannot be used here."
  }
}

variable "monitoring" {
  description = <<-EOT
    `level` is MSK's enhanced monitoring: `DEFAULT` is free but has no request or network
    figures, `PER_BROKER` is what the alarms need, `PER_TOPIC_PER_BROKER` and
    `PER_TOPIC_PER_PARTITION` add metrics per topic and per partition at a price each.
    `broker_logs` sends broker logs to CloudWatch, `log_retention_days` keeps them; the bucket
    `log_bucket` (under the cluster's name) and the Firehose stream `log_firehose` get them as well.
  EOT
  type = object({
    level              = optional(string, "PER_BROKER")
    broker_logs        = optional(bool, true)
    log_retention_days = optional(number, 365)
    log_bucket         = optional(string)
    log_firehose       = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION"], var.monitoring.level)
    error_message = "monitoring.level must be DEFAULT, PER_BROKER, PER_TOPIC_PER_BROKER or PER_TOPIC_PER_PARTITION."
  }

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.monitoring.log_retention_days)
    error_message = "monitoring.log_retention_days must be a period CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }

  validation {
    condition     = var.monitoring.broker_logs || var.family != "standard"
    error_message = "monitoring.broker_logs cannot be false on 'standard': without broker logs an outage cannot be explained."
  }
}

variable "authentication" {
  description = <<-EOT
    Ways in beside SASL/IAM, for clients that cannot have that: `scram_secret_arns`, secrets of
    Secrets Manager with user and password (their names begin with AmazonMSK_ and they are under a key
    of yours), and `tls_ca_arns`, authorities of AWS Private CA whose certificates are let in.
  EOT
  type = object({
    scram_secret_arns = optional(set(string), [])
    tls_ca_arns       = optional(set(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for arn in var.authentication.scram_secret_arns : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:AmazonMSK_", arn))])
    error_message = "authentication.scram_secret_arns must be ARNs of secrets whose names begin with AmazonMSK_, which MSK demands."
  }

  validation {
    condition     = alltrue([for arn in var.authentication.tls_ca_arns : can(regex("^arn:aws[a-z-]*:acm-pca:[a-z0-9-]+:[0-9]{12}:certificate-authority/", arn))])
    error_message = "authentication.tls_ca_arns must be ARNs of authorities of AWS Private CA (arn:aws:acm-pca:REGION:ACCOUNT:certificate-authority/ID)."
  }

  validation {
    condition     = var.family != "serverless" || length(var.authentication.scram_secret_arns) + length(var.authentication.tls_ca_arns) == 0
    error_message = "authentication: a 'serverless' cluster lets in by SASL/IAM alone; leave it out."
  }
}

variable "deletion_protection" {
  description = "Refuse every plan that would delete or replace the cluster."
  type        = bool
  default     = false
  nullable    = false
}

variable "private_accounts" {
  description = "Other accounts whose clients reach the brokers by PrivateLink, from networks of their own, with IAM. They make a managed connection each, and give their roles rights on topics and groups, which end at reading and writing. Turning it on restarts one broker after the other. Not for `serverless`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.private_accounts : can(regex("^[0-9]{12}$", id))])
    error_message = "private_accounts: ${join(", ", [for id in var.private_accounts : id if !can(regex("^[0-9]{12}$", id))])} must be the 12 digits of an AWS account."
  }

  validation {
    condition     = var.family != "serverless" || length(var.private_accounts) == 0
    error_message = "private_accounts: a serverless cluster has no private connectivity of this kind."
  }
}
