variable "name" {
  description = "Alias of the key, without `alias/`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9/_-]{1,200}$", var.name)) && !startswith(var.name, "aws/")
    error_message = "name must be 1-200 letters, digits, '/', '_' or '-' and must not start with 'aws/', which AWS keeps for its own keys."
  }
}

variable "description" {
  description = "What the key protects."
  type        = string
  nullable    = false
}

variable "account" {
  description = "The account that owns the key."
  type = object({
    id        = string
    partition = optional(string, "aws")
  })
  nullable = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account.id))
    error_message = "account.id must be the 12 digits of an AWS account."
  }
}

variable "service_grants" {
  description = <<-EOT
    AWS services that use the key by their service principal. Services that call with a
    role (Step Functions, Scheduler, MSK Connect) need an IAM policy instead. Say in
    `conditions` what AWS sends with the request, and nothing that it does not send: a
    condition on a missing key refuses every request, silently.
  EOT
  type = map(object({
    service = string
    actions = optional(list(string), ["kms:Decrypt", "kms:GenerateDataKey*"])
    conditions = optional(list(object({
      test     = string
      variable = string
      values   = list(string)
    })), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for grant in var.service_grants : can(regex("^[a-z0-9.-]+\\.amazonaws\\.com(\\.cn)?$", grant.service))])
    error_message = "service_grants: every service must be a service principal such as 'sns.amazonaws.com'; '*' or an account would open the key to others."
  }

  validation {
    condition = alltrue(flatten([
      for grant in var.service_grants : [for action in grant.actions : can(regex("^kms:(Decrypt|DescribeKey|GenerateDataKey\\*?|Encrypt|ReEncrypt\\*)$", action))]
    ]))
    error_message = "service_grants: a service may decrypt, encrypt, re-encrypt, generate data keys and describe the key; name those actions one by one instead of 'kms:*' or administration."
  }

  validation {
    condition     = alltrue([for name in keys(var.service_grants) : can(regex("^[A-Za-z0-9]+$", name))])
    error_message = "service_grants: a grant's name becomes the statement's Sid; use letters and digits only."
  }
}

variable "existing_key_arn" {
  description = "ARN of a key that is there, which is then taken as it is: its policy is its owner's, and has to have the statements of `policy_json`. Null makes one."
  type        = string
  default     = null

  validation {
    condition     = var.existing_key_arn == null ? true : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.existing_key_arn))
    error_message = "existing_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
}

variable "deletion_window_days" {
  description = "Days between asking for the key's deletion and its end. Data under a deleted key is lost."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be between 7 and 30, the range KMS accepts."
  }
}

variable "deletion_protection" {
  description = "Refuse every plan that would delete or replace the key."
  type        = bool
  default     = false
  nullable    = false
}
