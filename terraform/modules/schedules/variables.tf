variable "name" {
  description = "Name of the schedule group and its role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,39}$", var.name))
    error_message = "name must be 1-39 letters, digits, '-' or '_' (a role's name, which adds '-schedules' and the region, may have 64)."
  }
}

variable "account" {
  description = "The account and region the schedules live in."
  type = object({
    id        = string
    region    = string
    partition = optional(string, "aws")
  })
  nullable = false
}

variable "kms_key_arn" {
  description = "Key that encrypts the schedules and the queues they send to."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
}

variable "dead_letter_arn" {
  description = "Standard queue for messages the scheduler could not deliver."
  type        = string
  nullable    = false

  validation {
    condition     = !endswith(var.dead_letter_arn, ".fifo")
    error_message = "dead_letter_arn must be a standard queue: the scheduler cannot write to a FIFO one."
  }
}

variable "schedules" {
  description = "What is sent when: `expression` is cron(…), rate(…) or at(…) in `timezone`, `input` the message as JSON, `window_minutes` how far the start may be spread (0: none)."
  type = map(object({
    description    = optional(string)
    expression     = string
    timezone       = optional(string, "UTC")
    queue_arn      = string
    input          = string
    window_minutes = optional(number, 0)
    max_age_s      = optional(number, 3600)
    max_attempts   = optional(number, 10)
  }))
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.schedules) : can(regex("^[A-Za-z0-9._-]{1,64}$", name))])
    error_message = "schedules: a schedule's name must be 1-64 letters, digits, '.', '-' or '_'."
  }

  validation {
    condition     = alltrue([for s in var.schedules : can(regex("^(cron\\(([^ ]+ ){5}[^ ]+\\)|rate\\([1-9][0-9]* (minutes?|hours?|days?)\\)|at\\([0-9-]+T[0-9:]+\\))$", s.expression))])
    error_message = "schedules: the expression of ${join(", ", [for name, s in var.schedules : name if !can(regex("^(cron\\(([^ ]+ ){5}[^ ]+\\)|rate\\([1-9][0-9]* (minutes?|hours?|days?)\\)|at\\([0-9-]+T[0-9:]+\\))$", s.expression))])} must be cron(minute hour day month weekday year), rate(N minutes|hours|days) or at(yyyy-mm-ddThh:mm:ss)."
  }

  validation {
    condition     = alltrue([for s in var.schedules : !endswith(s.queue_arn, ".fifo")])
    error_message = "schedules: the queue_arn of ${join(", ", [for name, s in var.schedules : name if endswith(s.queue_arn, ".fifo")])} must be a standard queue; a FIFO one needs a message group, which a clock does not have."
  }

  validation {
    condition     = alltrue([for s in var.schedules : can(jsondecode(s.input))])
    error_message = "schedules: the input of ${join(", ", [for name, s in var.schedules : name if !can(jsondecode(s.input))])} must be JSON; write it with jsonencode()."
  }

  validation {
    condition     = alltrue([for s in var.schedules : s.window_minutes >= 0 && s.window_minutes <= 1440])
    error_message = "schedules: window_minutes must be between 0 and 1440."
  }

  validation {
    condition     = alltrue([for s in var.schedules : s.max_age_s >= 60 && s.max_age_s <= 86400 && s.max_attempts >= 1 && s.max_attempts <= 185])
    error_message = "schedules: max_age_s must be between 60 and 86400 and max_attempts between 1 and 185, the ranges of the scheduler."
  }
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
