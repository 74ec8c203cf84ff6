variable "name" {
  description = "Name of the bus; rules, roles and the dead-letter queue begin with it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,36}$", var.name)) && var.name != "default"
    error_message = "name must be 1-36 letters, digits, '-' or '_' (an archive's name, '-archive' added, may have 48) and not 'default', which is AWS's own bus."
  }
}

variable "account" {
  description = "The account and region the bus lives in."
  type = object({
    id        = string
    region    = string
    partition = optional(string, "aws")
  })
  nullable = false
}

variable "kms_key_arn" {
  description = "Key that encrypts the bus, its archive (see `encrypt_bus`) and its dead-letter queue."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
}

variable "encrypt_bus" {
  description = "Encrypt events on the bus and in its archive with the key. The dead-letter queue of the bus belongs to it: it takes what cannot be encrypted or decrypted. False only for emulators, which forget both."
  type        = bool
  default     = true
  nullable    = false
}

variable "rules" {
  description = <<-EOT
    Rules of the bus: an event pattern (JSON) and the targets its events go to, each with
    the kind of thing its `arn` is: queue, fifo_queue, function, workflow, topic (SNS), stream (Kinesis),
    bus or endpoint (an API destination). A target's key is its id, so one queue can serve many
    rules. Events are handed on as they are unless the rule has `transform`: values at JSON paths
    of the event, by name, and the text they are put into; another bus gets the event itself. A stream takes the event's id for the
    partition key unless `partition_key_path` says where another is; `kms_key_arn` is the key of
    yours that a topic or a stream is encrypted with.
  EOT
  type = map(object({
    description   = optional(string)
    event_pattern = string
    transform = optional(object({
      paths    = optional(map(string), {})
      template = string
    }))
    targets = optional(map(object({
      kind               = string
      arn                = string
      message_group_id   = optional(string)
      partition_key_path = optional(string)
      kms_key_arn        = optional(string)
    })), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.rules) : can(regex("^[A-Za-z0-9._-]{1,64}$", name))])
    error_message = "rules: ${join(", ", [for name in keys(var.rules) : name if !can(regex("^[A-Za-z0-9._-]{1,64}$", name))])}: a rule's name must be 1-64 letters, digits, '.', '-' or '_'."
  }

  validation {
    condition     = alltrue([for rule in var.rules : length(try(jsondecode(rule.event_pattern).source, [])) > 0])
    error_message = "rules: ${join(", ", [for name, rule in var.rules : name if length(try(jsondecode(rule.event_pattern).source, [])) == 0])}: event_pattern must be JSON with a 'source' list; a rule for every source also matches what its own targets publish, without end."
  }

  validation {
    condition     = alltrue([for rule in var.rules : length(rule.targets) <= 5])
    error_message = "rules: EventBridge allows 5 targets for each rule; ${join(", ", [for name, rule in var.rules : "${name} has ${length(rule.targets)}" if length(rule.targets) > 5])}: make two rules with the same pattern of it."
  }

  validation {
    condition     = alltrue(flatten([for rule in var.rules : [for t in rule.targets : contains(["queue", "fifo_queue", "function", "workflow", "topic", "stream", "bus", "endpoint"], t.kind)]]))
    error_message = "rules: the kind of ${join(", ", flatten([for name, rule in var.rules : [for id, t in rule.targets : "${name}/${id}" if !contains(["queue", "fifo_queue", "function", "workflow", "topic", "stream", "bus", "endpoint"], t.kind)]]))} must be queue, fifo_queue, function, workflow, topic, stream, bus or endpoint."
  }

  validation {
    condition     = alltrue(flatten([for rule in var.rules : [for t in rule.targets : t.kind != "fifo_queue" || t.message_group_id != null]]))
    error_message = "rules: ${join(", ", flatten([for name, rule in var.rules : [for id, t in rule.targets : "${name}/${id}" if t.kind == "fifo_queue" && t.message_group_id == null]]))} of kind fifo_queue needs message_group_id: SQS refuses messages without one and the events would be lost. The rule's name keeps order per event type."
  }

  validation {
    condition     = alltrue(flatten([for rule in var.rules : [for t in rule.targets : t.kind == "fifo_queue" || t.message_group_id == null]]))
    error_message = "rules: message_group_id is for targets of kind fifo_queue; remove it from ${join(", ", flatten([for name, rule in var.rules : [for id, t in rule.targets : "${name}/${id}" if t.kind != "fifo_queue" && t.message_group_id != null]]))}."
  }

  validation {
    condition     = alltrue(flatten([for rule in var.rules : [for t in rule.targets : endswith(t.arn, ".fifo") == (t.kind == "fifo_queue")]]))
    error_message = "rules: a target whose ARN ends in .fifo is of kind fifo_queue, and no other is: correct ${join(", ", flatten([for name, rule in var.rules : [for id, t in rule.targets : "${name}/${id}" if endswith(t.arn, ".fifo") != (t.kind == "fifo_queue")]]))}."
  }

  validation {
    condition     = alltrue(flatten([for rule in var.rules : [for t in rule.targets : can(regex(":function:[^:]+(:[^:]+)?$", t.arn)) if t.kind == "function"]]))
    error_message = "rules: ${join(", ", flatten([for name, rule in var.rules : [for id, t in rule.targets : "${name}/${id}" if t.kind == "function" && !can(regex(":function:[^:]+(:[^:]+)?$", t.arn))]]))} of kind function needs the whole ARN of a function (arn:aws:lambda:REGION:ACCOUNT:function:NAME, with an alias if it has one)."
  }

  validation {
    condition     = alltrue(flatten([for rule in var.rules : [for t in rule.targets : can(regex(lookup(local.arn_forms, t.kind, "."), t.arn))]]))
    error_message = "rules: the ARN of ${join(", ", flatten([for name, rule in var.rules : [for id, t in rule.targets : "${name}/${id} (${t.kind})" if !can(regex(lookup(local.arn_forms, t.kind, "."), t.arn))]]))} is of another kind of thing."
  }

  validation {
    condition     = alltrue(flatten([for rule in var.rules : [for t in rule.targets : t.kind != "bus" || t.arn != "arn:${var.account.partition}:events:${var.account.region}:${var.account.id}:event-bus/${var.name}"]]))
    error_message = "rules: a rule that hands events to its own bus gets them again, without end."
  }

  validation {
    condition     = alltrue(flatten([for rule in var.rules : [for t in rule.targets : (t.partition_key_path == null || t.kind == "stream") && (t.kms_key_arn == null || contains(["stream", "topic"], t.kind))]]))
    error_message = "rules: partition_key_path is for targets of kind stream, kms_key_arn for stream and topic."
  }

  validation {
    condition     = alltrue([for rule in var.rules : rule.transform == null ? true : length(setsubtract(keys(rule.transform.paths), flatten(regexall("<([^<>]+)>", rule.transform.template)))) == 0])
    error_message = "rules: the template of ${join(", ", [for name, rule in var.rules : name if rule.transform == null ? false : length(setsubtract(keys(rule.transform.paths), flatten(regexall("<([^<>]+)>", rule.transform.template)))) > 0])} does not use all of its paths, which EventBridge refuses."
  }
}

variable "source_roles" {
  description = "Event source to the ARNs of the roles that alone may claim it; `*` in an ARN stands for anything. Everybody else is refused, whatever rights they have. A source that is not here is anybody's with `events:PutEvents`."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for arns in var.source_roles : length(arns) > 0])
    error_message = "source_roles: ${join(", ", [for source, arns in var.source_roles : source if length(arns) == 0])} has no role, so nobody could publish as it; name one, or leave the source out."
  }

  validation {
    condition     = alltrue(flatten([for arns in var.source_roles : [for arn in arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$", arn))]]))
    error_message = "source_roles: ${join(", ", distinct(flatten([for arns in var.source_roles : [for arn in arns : arn if !can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$", arn))]])))} must be the ARN of a role (arn:aws:iam::ACCOUNT:role/NAME), not of its session."
  }
}

variable "publisher_accounts" {
  description = "Other accounts that may put events on the bus: account number to the sources they may claim. They give their roles `events:PutEvents` on this bus themselves."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for id in keys(var.publisher_accounts) : can(regex("^[0-9]{12}$", id))])
    error_message = "publisher_accounts: ${join(", ", [for id in keys(var.publisher_accounts) : id if !can(regex("^[0-9]{12}$", id))])} must be the 12 digits of an AWS account."
  }

  validation {
    condition     = alltrue([for sources in var.publisher_accounts : length(sources) > 0])
    error_message = "publisher_accounts: ${join(", ", [for id, sources in var.publisher_accounts : id if length(sources) == 0])} has no source; name those it may claim."
  }
}

variable "retry" {
  description = "How long and how often EventBridge tries to deliver an event to a target before it goes to the dead-letter queue. EventBridge's own most is 24 hours and 185 attempts."
  type = object({
    max_age_s    = optional(number, 86400)
    max_attempts = optional(number, 185)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.retry.max_age_s >= 60 && var.retry.max_age_s <= 86400
    error_message = "retry.max_age_s must be between 60 and 86400 (24 hours), the range of EventBridge."
  }
  validation {
    condition     = var.retry.max_attempts >= 1 && var.retry.max_attempts <= 185
    error_message = "retry.max_attempts must be between 1 and 185: with 0 a single throttled call would end in the dead-letter queue."
  }
}

variable "archive_days" {
  description = "Days every event of the bus is kept for replay."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.archive_days >= 7 && floor(var.archive_days) == var.archive_days
    error_message = "archive_days must be a whole number of at least 7: events are promised to be replayable for 7 days."
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
