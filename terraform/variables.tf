variable "environment" {
  description = "Name of the environment; with `name` it begins every resource's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "environment must be 2-10 lower-case letters or digits, such as dev, staging or prod."
  }
}

variable "name" {
  description = "Name of the platform."
  type        = string
  default     = "pat"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,8}[a-z0-9]$", var.name))
    error_message = "name must be 2-10 lower-case letters, digits or '-': longer ones make names of buckets and roles too long."
  }
}

variable "region" {
  description = "AWS region everything is created in."
  type        = string
  nullable    = false

  validation {
    # By form, not by list: AWS adds regions.
    condition     = can(regex("^[a-z]{2,}(-[a-z]+)+-[0-9]+$", var.region)) && !startswith(var.region, "cn-")
    error_message = "region ${var.region} is none; write it as AWS does, for example eu-west-1. China's are not supported: some service principals have other names there."
  }
}

variable "tags" {
  description = "Tags put on every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "catalog_file" {
  description = "The catalogue of events, queues and schedules (YAML). Null takes `schemas/catalog.yaml` of this repository."
  type        = string
  default     = null

  validation {
    condition     = var.catalog_file == null ? true : can(keys(yamldecode(file(var.catalog_file)).events))
    error_message = "catalog_file must be the path of a YAML file with 'events'; a relative path starts at the folder terraform runs in."
  }
}

variable "workflow_step_event" {
  description = "Event of the catalogue that a workflow publishes for each of its steps."
  type        = string
  default     = "PluginExecutionRequired"
  nullable    = false
}

variable "function_arns" {
  description = "Lambda functions of the services, by the name the catalogue gives them. A target whose function is not here is left out."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for arn in values(var.function_arns) : can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9_$-]+)?$", arn))])
    error_message = "function_arns: give the whole ARN of each function (arn:aws:lambda:REGION:ACCOUNT:function:NAME, with an alias if it has one)."
  }
  validation {
    condition     = length(setsubtract(keys(var.function_arns), local.functions)) == 0
    error_message = "function_arns has ${join(", ", setsubtract(keys(var.function_arns), local.functions))}, which no event of the catalogue names under targets.functions; there are: ${join(", ", local.functions)}."
  }
  validation {
    condition     = alltrue([for arn in values(var.function_arns) : strcontains(arn, ":${var.region}:${local.account.id}:")])
    error_message = "function_arns: ${join(", ", [for name, arn in var.function_arns : name if !strcontains(arn, ":${var.region}:${local.account.id}:")])} must be of account ${local.account.id} and region ${var.region}: a rule cannot be let in elsewhere from here."
  }
}

variable "alert_subscribers" {
  description = "Who gets each topic's messages: topic (alerts, critical-alerts, operations, user-notifications) to e-mail addresses, https addresses (PagerDuty, Opsgenie), and ARNs of Lambda functions or queues. An address by e-mail confirms once, one by https while it is applied; a queue's own policy and key let its topic in."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.alert_subscribers), local.topic_names)) == 0
    error_message = "alert_subscribers has ${join(", ", setsubtract(keys(var.alert_subscribers), local.topic_names))}; the topics are ${join(", ", local.topic_names)}."
  }
  validation {
    condition     = alltrue([for who in flatten(values(var.alert_subscribers)) : length([for form in values(local.subscriber_forms) : form if can(regex(form, who))]) == 1])
    error_message = "alert_subscribers: ${join(", ", [for who in flatten(values(var.alert_subscribers)) : who if length([for form in values(local.subscriber_forms) : form if can(regex(form, who))]) != 1])} is no e-mail address, no https address and no ARN of a function or queue."
  }
}

variable "alert_slack" {
  description = "Slack channels that get alarms, by Amazon Q Developer in chat applications (once AWS Chatbot): the workspace, which somebody has let in by the console once, and topic to channel's id."
  type = object({
    team_id  = string
    channels = map(string)
  })
  default = null

  validation {
    condition     = var.alert_slack == null ? true : length(setsubtract(keys(var.alert_slack.channels), local.topic_names)) == 0
    error_message = "alert_slack.channels: the topics are ${join(", ", local.topic_names)}."
  }
  validation {
    condition     = var.alert_slack == null ? true : can(regex("^[TE][0-9A-Z]+$", var.alert_slack.team_id)) && alltrue([for id in values(var.alert_slack.channels) : can(regex("^[CG][0-9A-Z]+$", id))])
    error_message = "alert_slack: the workspace's id begins with T or E, a channel's with C or G; Slack shows them in the channel's link."
  }
}

variable "alarm_thresholds" {
  description = "Other thresholds of alarms, by their name without the prefix (`queue-email-processing-old`); of the cluster `broker-` or `cluster-` and the kind (`broker-cpu`, `broker-disk`), for every broker. Lag has `msk_lag`."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length([for key in keys(var.alarm_thresholds) : key if !can(regex("^(broker|cluster)-", key)) && !can(local.service_alarms[key])]) == 0
    error_message = "alarm_thresholds has ${join(", ", [for key in keys(var.alarm_thresholds) : key if !can(regex("^(broker|cluster)-", key)) && !can(local.service_alarms[key])])}; there are, besides broker- and cluster-: ${join(", ", keys(local.service_alarms))}."
  }
}

variable "consumer_metrics_namespace" {
  description = "Where the services print metrics by `EmbeddedMetrics` of the Python package, \"PatEvents\" if they say nothing else: the groups of the catalogue then have alarms on age, lag and dead letters. Null where they print none: an alarm on nothing stays silent."
  type        = string
  default     = null

  validation {
    condition     = var.consumer_metrics_namespace == null ? true : can(regex("^[A-Za-z0-9_/#:. -]{1,255}$", var.consumer_metrics_namespace)) && !startswith(var.consumer_metrics_namespace, "AWS/")
    error_message = "consumer_metrics_namespace: 1 to 255 of letters, digits, and . - _ / # : or spaces, and not beginning with AWS/."
  }
}

variable "event_source_roles" {
  description = "Event source to the ARNs of the roles that alone may publish as it on the bus; workflows' own roles are added to the source of their steps. A source that is not here is anybody's who has its policy."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.event_source_roles), local.sources)) == 0
    error_message = "event_source_roles has ${join(", ", setsubtract(keys(var.event_source_roles), local.sources))}, which is no source of the catalogue's events; there are: ${join(", ", local.sources)}."
  }
}

variable "event_publisher_accounts" {
  description = "Other accounts that may publish on the bus: account number to the event sources they may claim."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(flatten(values(var.event_publisher_accounts)), local.sources)) == 0
    error_message = "event_publisher_accounts has ${join(", ", setsubtract(flatten(values(var.event_publisher_accounts)), local.sources))}, which is no source of the catalogue's events; there are: ${join(", ", local.sources)}."
  }
}

variable "claim_check" {
  description = <<-EOT
    Keep payloads that are too large for a bus in S3; null keeps none. `{}` makes a bucket; `bucket`
    is the name of one that is there, under the platform's key. `prefix` is what keys begin with.
    Objects of a bucket that is made expire a day after the last event that can name them, or after
    `expire_after_days`, which may not be earlier.
  EOT
  type        = any
  default     = null

  validation {
    condition     = try(var.claim_check.expire_after_days > local.event_days, true)
    error_message = "claim_check.expire_after_days must be more than ${local.event_days}: so long an event can name its payload, which would be gone."
  }
  validation {
    condition     = !(can(var.claim_check.bucket) && can(var.claim_check.expire_after_days))
    error_message = "claim_check.expire_after_days is for a bucket that is made; the objects of ${try(var.claim_check.bucket, "")} expire as its owner says, and not within ${local.event_days} days."
  }
}

variable "archive_days" {
  description = "Days every event of the bus is kept for replay."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.archive_days >= 7
    error_message = "archive_days must be at least 7: events are promised to be replayable for 7 days."
  }
}

variable "log_retention_days" {
  description = "Days CloudWatch keeps logs."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a period CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "enable_xray" {
  description = "Trace state machines with X-Ray."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of a key of yours for everything; null makes one. Its policy has to have the statements of the output `kms_key_policy`, or events, alarms and logs are lost."
  type        = string
  default     = null
}

variable "iam_path" {
  description = "Path of the roles that are made."
  type        = string
  default     = "/"
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds what the roles that are made may at most, where the account demands one. It has to let them do what the outputs of modules say."
  type        = string
  default     = null
}

variable "encrypt_bus" {
  description = "Encrypt events on the bus and in its archive with the platform's key. False only for LocalStack, which forgets the key of a bus."
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = "Refuse to delete what holds events: a plan fails that would delete a queue, or delete or replace the cluster, the key or the archive's bucket; a queue's deletion by hand fails as well. docs/infrastructure.md says how to turn it off."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !(var.deletion_protection && var.force_destroy)
    error_message = "deletion_protection and force_destroy contradict each other; choose one."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete buckets with what is in them. For environments that hold nothing of value."
  type        = bool
  default     = false
  nullable    = false
}
