variable "name" {
  description = "Name of the state machine; its role, log group and bucket begin with it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]{1,40}$", var.name))
    error_message = "name must be 1-40 lower-case letters, digits or '-' (the bucket's name adds account and region, and may have 63)."
  }
}

variable "account" {
  description = "The account and region the state machine lives in."
  type = object({
    id        = string
    region    = string
    partition = optional(string, "aws")
  })
  nullable = false
}

variable "kms_key_arn" {
  description = "Key that encrypts the bucket and the log group. Its policy must let CloudWatch Logs use it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
}

variable "step_event" {
  description = "The event a step publishes: the bus it goes to, its source and its detail type."
  type = object({
    bus_name    = string
    source      = string
    detail_type = string
  })
  nullable = false
}

variable "concurrency" {
  description = "Steps of one run that are requested at a time. With 1 they are requested in their order; 0 sets no limit."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.concurrency >= 0 && var.concurrency <= 40
    error_message = "concurrency must be between 0 (no limit) and 40, the most an inline map runs at a time."
  }
}

variable "timeout_s" {
  description = "Seconds a run may take before it is ended as timed out."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.timeout_s >= 60 && var.timeout_s <= 86400
    error_message = "timeout_s must be between 60 and 86400: a run requests steps and does not wait for their work."
  }
}

variable "run_retention_days" {
  description = "Days the record of a run is kept."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.run_retention_days >= 7
    error_message = "run_retention_days must be at least 7, as long as its event can be replayed."
  }
}

variable "log_retention_days" {
  description = "Days the log is kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a period CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "enable_xray" {
  description = "Trace runs with X-Ray."
  type        = bool
  default     = true
  nullable    = false
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with definitions and records in it."
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
