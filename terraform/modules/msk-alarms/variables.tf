variable "cluster" {
  description = <<-EOT
    The cluster to watch: its name, its family (`standard`, `express` or `serverless`) and, unless
    it is serverless, its brokers, as the module msk-cluster gives them. `volume_throughput_mibps`
    is what a broker's volume can do: 250 unless more was provisioned.
  EOT
  type = object({
    name   = string
    family = string
    brokers = optional(object({
      count                   = number
      instance_type           = string
      monitoring_level        = string
      volume_throughput_mibps = optional(number, 250)
    }))
  })
  nullable = false

  validation {
    condition     = contains(["standard", "express", "serverless"], var.cluster.family)
    error_message = "cluster.family must be 'standard', 'express' or 'serverless': each has metrics of its own."
  }

  validation {
    condition     = (var.cluster.family == "serverless") == (var.cluster.brokers == null)
    error_message = "cluster.brokers must be given for 'standard' and 'express' and left out for 'serverless', which has none."
  }

  validation {
    condition     = try(var.cluster.brokers.count >= 1 && floor(var.cluster.brokers.count) == var.cluster.brokers.count, var.cluster.brokers == null)
    error_message = "cluster.brokers.count must be a whole number of at least 1; alarms are made for each broker."
  }

  validation {
    condition     = try(contains(["DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION"], var.cluster.brokers.monitoring_level), var.cluster.brokers == null)
    error_message = "cluster.brokers.monitoring_level must be DEFAULT, PER_BROKER, PER_TOPIC_PER_BROKER or PER_TOPIC_PER_PARTITION; it decides which metrics exist."
  }
}

variable "topic_arns" {
  description = "ARNs of the SNS topics alarms publish to, by severity."
  type = object({
    critical = string
    warning  = string
  })
  nullable = false

  validation {
    condition     = alltrue([for arn in values(var.topic_arns) : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:.+$", arn))])
    error_message = "topic_arns.critical and topic_arns.warning must be ARNs of SNS topics; an alarm that tells nobody is none."
  }
}

variable "lag" {
  description = <<-EOT
    Consumer lag to watch: one entry for each group and topic. `max_offsets` bounds the worst
    partition, `sum_offsets` the whole topic, `max_time_s` the estimated time to catch up;
    `bounds` says which of the three are watched.
  EOT
  type = map(object({
    group       = string
    topic       = string
    max_offsets = optional(number, 10000)
    sum_offsets = optional(number, 50000)
    max_time_s  = optional(number, 60)
    bounds      = optional(set(string), ["max_offsets", "sum_offsets", "max_time_s"])
    severity    = optional(string, "warning")
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for lag in var.lag : length(setsubtract(lag.bounds, ["max_offsets", "sum_offsets", "max_time_s"])) == 0])
    error_message = "lag: bounds may name max_offsets, sum_offsets and max_time_s."
  }

  validation {
    condition     = alltrue([for lag in var.lag : can(regex("^[a-zA-Z0-9._-]+$", lag.group)) && can(regex("^[a-zA-Z0-9._-]+$", lag.topic))])
    error_message = "lag: group and topic must be ASCII letters, digits, '.', '_' or '-': MSK drops the metrics of other names, and the alarm would never ring."
  }

  validation {
    condition     = alltrue([for lag in var.lag : lag.max_offsets > 0 && lag.sum_offsets >= lag.max_offsets && lag.max_time_s > 0])
    error_message = "lag: max_offsets and max_time_s must be above 0, sum_offsets at least max_offsets, since the sum includes the worst partition."
  }

  validation {
    condition     = alltrue([for lag in var.lag : contains(["critical", "warning"], lag.severity)])
    error_message = "lag: severity must be 'critical' or 'warning'."
  }
}

variable "thresholds" {
  description = "Other thresholds than AWS's best practices: `broker-` or `cluster-` and the row's name in definitions.tf, such as `broker-cpu` or `broker-disk`, to its value. Of a family or level that has no such alarm it says nothing."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.thresholds), local.kinds)) == 0
    error_message = "thresholds has ${join(", ", setsubtract(keys(var.thresholds), local.kinds))}; there are: ${join(", ", local.kinds)}."
  }
}

variable "connectors" {
  description = "Names of MSK Connect connectors to watch."
  type        = set(string)
  default     = []
  nullable    = false
}
