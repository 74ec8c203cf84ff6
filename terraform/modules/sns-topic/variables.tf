variable "name" {
  description = "Name of the topic."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,256}$", var.name))
    error_message = "name must be 1-256 letters, digits, '-' or '_' (a standard topic; alarms cannot publish to FIFO ones)."
  }
}

variable "account" {
  description = "The account and region the topic lives in."
  type = object({
    id        = string
    region    = string
    partition = optional(string, "aws")
  })
  nullable = false
}

variable "kms_key_arn" {
  description = "Key that encrypts the topic. Its policy must let the publishing services use it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias: alarms cannot publish under alias/aws/sns."
  }
}

variable "publishers" {
  description = "AWS services that may publish, each for sources of this account only. Users and roles of the account publish with IAM policies."
  type        = map(object({ service = string }))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for publisher in var.publishers : can(regex("^[a-z0-9.-]+\\.amazonaws\\.com(\\.cn)?$", publisher.service))])
    error_message = "publishers: every service must be a service principal such as 'cloudwatch.amazonaws.com'."
  }

  validation {
    condition     = !contains(values(var.publishers)[*].service, "events.amazonaws.com")
    error_message = "publishers: EventBridge sends no source account to a topic, so the condition set here would refuse it; let its rule send to a queue."
  }
}

variable "subscriptions" {
  description = "Who receives the topic's messages. `dead_letter_arn` is a standard queue for what cannot be delivered; e-mail has none."
  type = map(object({
    protocol        = string
    endpoint        = string
    raw_message     = optional(bool, false)
    filter_policy   = optional(map(list(string)))
    dead_letter_arn = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for s in var.subscriptions : contains(["email", "email-json", "https", "lambda", "sms", "sqs"], s.protocol)])
    error_message = "subscriptions: protocol must be email, email-json, https, lambda, sms or sqs ('http' would send in the clear)."
  }

  validation {
    condition     = alltrue([for s in var.subscriptions : !s.raw_message || contains(["sqs", "https"], s.protocol)])
    error_message = "subscriptions: raw_message works for sqs and https only; remove it from the others."
  }

  validation {
    condition     = alltrue([for s in var.subscriptions : s.dead_letter_arn != null if contains(["https", "lambda", "sqs"], s.protocol)])
    error_message = "subscriptions: https, lambda and sqs need dead_letter_arn, or a message that cannot be delivered is lost."
  }
}
