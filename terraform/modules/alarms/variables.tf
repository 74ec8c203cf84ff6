variable "name_prefix" {
  description = "Put before every alarm's name, with a '-'."
  type        = string
  nullable    = false
}

variable "topic_arns" {
  description = "ARNs of the SNS topics alarms publish to, by severity."
  type = object({
    critical = string
    warning  = string
  })
  nullable = false
}

variable "alarms" {
  description = <<-EOT
    What is watched. The alarm rings when `statistic` of the metric is above `above` for
    `periods` periods of `period_s` seconds. Silence is healthy: these services report
    nothing when nothing happens.
  EOT
  type = map(object({
    description = string
    severity    = string
    namespace   = string
    metric      = string
    dimensions  = map(string)
    statistic   = optional(string, "Sum")
    above       = optional(number, 0)
    period_s    = optional(number, 60)
    periods     = optional(number, 1)
  }))
  nullable = false

  validation {
    condition     = alltrue([for alarm in var.alarms : contains(["critical", "warning"], alarm.severity)])
    error_message = "alarms: severity must be 'critical' (somebody is woken) or 'warning' (somebody looks in working hours)."
  }

  validation {
    condition     = alltrue([for alarm in var.alarms : contains(["Average", "Maximum", "Minimum", "SampleCount", "Sum"], alarm.statistic)])
    error_message = "alarms: statistic must be Average, Maximum, Minimum, SampleCount or Sum."
  }

  validation {
    condition     = alltrue([for alarm in var.alarms : alarm.period_s > 0 && alarm.period_s % 60 == 0 && alarm.period_s * alarm.periods <= 86400])
    error_message = "alarms: period_s must be a multiple of 60, and periods times period_s at most a day, the limit of CloudWatch."
  }
}
