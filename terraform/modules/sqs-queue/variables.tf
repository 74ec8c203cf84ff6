variable "name" {
  description = "Name of the queue. A FIFO queue's `.fifo` ending and the dead-letter queue's `-dlq` are added here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,71}$", var.name))
    error_message = "name must be 1-71 letters, digits, '-' or '_', without '.fifo' (set fifo = true instead): SQS allows 80 with '-dlq.fifo'."
  }
}

variable "account" {
  description = "The account and region the queue lives in."
  type = object({
    id        = string
    region    = string
    partition = optional(string, "aws")
  })
  nullable = false
}

variable "kms_key_arn" {
  description = "Key that encrypts queue and dead-letter queue. A key of your own: AWS services cannot be granted the use of `alias/aws/sqs`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
}

variable "fifo" {
  description = "First-in-first-out per message group, each message once within five minutes. The dead-letter queue is then FIFO as well, as SQS demands."
  type        = bool
  default     = false
  nullable    = false
}

variable "consumer_timeout_s" {
  description = "Longest time in seconds a consumer works on one message."
  type        = number
  nullable    = false

  validation {
    condition     = var.consumer_timeout_s >= 1 && var.consumer_timeout_s <= 7200
    error_message = "consumer_timeout_s must be between 1 and 7200: six times that is the visibility timeout, and SQS allows 12 hours."
  }
}

variable "visibility_timeout_s" {
  description = "Seconds a received message stays hidden. Null takes six times consumer_timeout_s, AWS's advice for Lambda and a safe one for others."
  type        = number
  default     = null

  validation {
    condition     = var.visibility_timeout_s == null ? true : var.visibility_timeout_s >= 6 * var.consumer_timeout_s
    error_message = "visibility_timeout_s must be at least 6 times consumer_timeout_s, or a slow consumer's message is given to a second one; raise it or leave it null."
  }
  validation {
    condition     = var.visibility_timeout_s == null ? true : var.visibility_timeout_s <= 43200
    error_message = "visibility_timeout_s must be at most 43200 (12 hours), the limit of SQS."
  }
}

variable "max_receive_count" {
  description = "Deliveries of one message before it goes to the dead-letter queue."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_receive_count >= 2 && var.max_receive_count <= 1000
    error_message = "max_receive_count must be between 2 and 1000: with 1, a consumer that is merely restarted sends its messages to the dead-letter queue."
  }
}

variable "retention_s" {
  description = "Seconds an unread message is kept."
  type        = number
  default     = 604800
  nullable    = false

  validation {
    condition     = var.retention_s >= 604800 && var.retention_s <= 1209600
    error_message = "retention_s must be between 604800 (7 days, the retention of the platform's events) and 1209600 (14 days, the limit of SQS)."
  }
}

variable "delay_s" {
  description = "Seconds a message waits before it can be received."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.delay_s >= 0 && var.delay_s <= 900
    error_message = "delay_s must be between 0 and 900 (15 minutes), the limit of SQS."
  }
}

variable "deletion_protection" {
  description = "Refuse everybody the deletion of queue and dead-letter queue, messages and all. To delete them, apply with false first."
  type        = bool
  default     = false
  nullable    = false
}

variable "senders" {
  description = "AWS services that may send, each for the given sources only. Others send with an IAM policy of their own."
  type = map(object({
    service     = string
    source_arns = list(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for sender in var.senders : can(regex("^[a-z0-9.-]+\\.amazonaws\\.com(\\.cn)?$", sender.service))])
    error_message = "senders: every service must be a service principal such as 'events.amazonaws.com'."
  }

  validation {
    condition     = alltrue([for sender in var.senders : length(sender.source_arns) > 0 && !contains(sender.source_arns, "*")])
    error_message = "senders: name the ARNs that may send in source_arns; without one, anybody's rule or topic in AWS could."
  }
}

variable "dead_letter_senders" {
  description = "AWS services that may send straight to the dead-letter queue, as in `senders`."
  type = map(object({
    service     = string
    source_arns = list(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for sender in var.dead_letter_senders : length(sender.source_arns) > 0 && !contains(sender.source_arns, "*")])
    error_message = "dead_letter_senders: name the ARNs that may send in source_arns."
  }
}
