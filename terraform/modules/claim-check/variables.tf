variable "account" {
  description = "The account and region the events live in."
  type = object({
    id        = string
    region    = string
    partition = optional(string, "aws")
  })
  nullable = false
}

variable "bucket_name" {
  description = "Name of the bucket that is made, unique in AWS. Null with `existing_bucket`."
  type        = string
  default     = null

  validation {
    condition     = var.bucket_name == null ? true : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name must be 3-63 lower-case letters, digits or hyphens and start and end with a letter or digit."
  }

  validation {
    condition     = (var.bucket_name == null) != (var.existing_bucket == null)
    error_message = "Name either bucket_name, of a bucket to make, or existing_bucket."
  }
}

variable "existing_bucket" {
  description = "Name of a bucket that is there. Its encryption (with `kms_key_arn`), its policy and the expiry of its objects are its owner's; nothing of it is changed here."
  type        = string
  default     = null

  validation {
    condition     = var.existing_bucket == null ? true : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.existing_bucket))
    error_message = "existing_bucket must be the name of a bucket, without s3:// or ARN."
  }
}

variable "prefix" {
  description = "What the objects' keys begin with; senders and readers may use no others."
  type        = string
  default     = "claims/"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/$", var.prefix))
    error_message = "prefix must be letters, digits, '.', '_', '-' and '/', and end in '/'."
  }
}

variable "expire_after_days" {
  description = "Days after which an object is deleted. Longer than any event that names it is kept, or readers give that event up."
  type        = number
  nullable    = false

  validation {
    condition     = var.expire_after_days >= 8 && floor(var.expire_after_days) == var.expire_after_days
    error_message = "expire_after_days must be a whole number of at least 8: events are kept for 7 days or longer."
  }
}

variable "kms_key_arn" {
  description = "Key of the objects."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with what is in it."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Refuse every plan that would delete or replace the bucket."
  type        = bool
  default     = false
  nullable    = false
}
