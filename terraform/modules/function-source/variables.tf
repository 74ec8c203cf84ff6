variable "function_arn" {
  description = "ARN of the function, with the alias or version that is to run. Its role needs `policy_json` first."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9_$-]+)?$", var.function_arn))
    error_message = "function_arn must be the whole ARN of a function (arn:aws:lambda:REGION:ACCOUNT:function:NAME, with an alias if it has one)."
  }
}

variable "queue" {
  description = <<-EOT
    The queue of SQS the function reads. `visibility_timeout_s` and the function's timeout belong
    together: AWS advises six times. `max_concurrency` bounds how many run at a time.
  EOT
  type = object({
    arn             = string
    max_concurrency = optional(number)
  })
  default = null

  validation {
    condition     = var.queue == null ? true : can(regex("^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:", var.queue.arn))
    error_message = "queue.arn must be the ARN of a queue (arn:aws:sqs:REGION:ACCOUNT:NAME), not its URL."
  }

  validation {
    condition     = try(var.queue.max_concurrency >= 2 && var.queue.max_concurrency <= 1000, true)
    error_message = "queue.max_concurrency must be between 2 and 1000, the range of Lambda."
  }
}

variable "topic" {
  description = <<-EOT
    The topic of an MSK cluster the function reads, as the consumer group `group`, which nothing else
    may be. A new group begins at `start`: TRIM_HORIZON (the oldest record) or LATEST. `min_pollers`
    to `max_pollers` read at a time (provisioned mode, without which a partial answer is not looked
    at); each costs by the hour. After `max_retries` a record goes to `on_failure_arn`, by its place.
  EOT
  type = object({
    cluster_arn = string
    name        = string
    group       = string
    start       = optional(string, "TRIM_HORIZON")
    min_pollers = optional(number, 1)
    max_pollers = optional(number, 3)
    max_retries = optional(number, 10)
  })
  default = null

  validation {
    condition     = var.topic == null ? true : can(regex("^arn:aws[a-z-]*:kafka:[a-z0-9-]+:[0-9]{12}:cluster/[^/*]+/[^/*]+$", var.topic.cluster_arn))
    error_message = "topic.cluster_arn must be the full ARN of one cluster (arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID), without wildcards."
  }

  validation {
    condition     = var.topic == null ? true : alltrue([for name in [var.topic.name, var.topic.group] : can(regex("^[a-zA-Z0-9._-]{1,200}$", name))])
    error_message = "topic.name and topic.group must be 1-200 letters, digits, '.', '_' or '-'; a wildcard would open others."
  }

  validation {
    condition     = var.topic == null ? true : contains(["TRIM_HORIZON", "LATEST"], var.topic.start)
    error_message = "topic.start must be TRIM_HORIZON or LATEST."
  }

  validation {
    condition     = var.topic == null ? true : var.topic.min_pollers >= 1 && var.topic.min_pollers <= 200 && var.topic.max_pollers >= var.topic.min_pollers && var.topic.max_pollers <= 2000
    error_message = "topic.min_pollers must be between 1 and 200, topic.max_pollers at least as many and at most 2000."
  }

  validation {
    condition     = var.topic == null ? true : var.topic.max_retries >= 0 && var.topic.max_retries <= 10000
    error_message = "topic.max_retries must be between 0 and 10000: with -1, which is without end, a record that cannot be handled stops its partition."
  }

  validation {
    condition     = (var.queue == null) != (var.topic == null)
    error_message = "Name either queue or topic: a mapping has one source."
  }
}

variable "on_failure_arn" {
  description = "Standard queue that is told of records of a topic that were given up: topic, partition and offsets, not their content. Needed with `topic`; what a queue gives up is in its dead-letter queue."
  type        = string
  default     = null

  validation {
    condition     = var.on_failure_arn == null ? var.topic == null : can(regex("^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:", var.on_failure_arn)) && !endswith(var.on_failure_arn, ".fifo")
    error_message = "on_failure_arn must be the ARN of a standard queue, and there has to be one with topic: without, what is given up is gone without a word."
  }

  validation {
    condition     = var.on_failure_arn == null || var.queue == null
    error_message = "on_failure_arn is for topics: SQS moves what a function gives up to the queue's own dead-letter queue."
  }
}

variable "kms_key_arn" {
  description = "Key of the queue, or of the one that is told of failures."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
}

variable "batch_size" {
  description = "Most events in one invocation; null takes 10 of a queue and 100 of a topic."
  type        = number
  default     = null

  validation {
    condition     = var.batch_size == null ? true : var.batch_size >= 1 && var.batch_size <= (try(endswith(var.queue.arn, ".fifo"), false) ? 10 : 10000)
    error_message = "batch_size must be between 1 and 10000, of a FIFO queue at most 10."
  }
}

variable "batching_window_s" {
  description = "Longest wait for a batch to fill, in seconds."
  type        = number
  default     = null

  validation {
    condition     = var.batching_window_s == null ? true : var.batching_window_s >= 0 && var.batching_window_s <= 300
    error_message = "batching_window_s must be between 0 and 300."
  }

  validation {
    condition     = !try(endswith(var.queue.arn, ".fifo"), false) || coalesce(var.batching_window_s, 0) == 0
    error_message = "batching_window_s cannot be set for a FIFO queue, which Lambda reads without one."
  }

  validation {
    condition     = var.queue == null || coalesce(var.batch_size, 10) <= 10 || coalesce(var.batching_window_s, 0) > 0
    error_message = "batching_window_s must be at least 1 with a batch_size of more than 10 from a queue."
  }
}

variable "filters" {
  description = "Patterns (JSON) of what the function is invoked for, at least one of which fits; none takes everything. **What fits none is deleted from a queue, and passed over in a topic.** A CloudEvent's fields are under `body` of a queue, of a topic under `value` where that is JSON."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for filter in var.filters : can(keys(jsondecode(filter)))])
    error_message = "filters: every one must be a pattern in JSON, such as jsonencode({ body = { type = [\"pat.events.v1.EmailReceived\"] } })."
  }

  validation {
    condition     = length(var.filters) <= 5
    error_message = "filters: Lambda allows 5."
  }
}

variable "enabled" {
  description = "Whether events are read. False pauses: a queue keeps its messages, a group its place."
  type        = bool
  default     = true
  nullable    = false
}
