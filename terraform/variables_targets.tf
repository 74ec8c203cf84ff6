variable "event_topics" {
  description = <<-EOT
    SNS topics of others that get events, by the name the catalogue gives them under `sns_topics`; the
    platform's own need none. `kms_key_arn` is the key of yours that encrypts it, whose policy lets
    roles of the account use it. A target that is not here is left out.
  EOT
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.event_topics), local.named_targets.sns_topics)) == 0
    error_message = "event_topics has ${join(", ", setsubtract(keys(var.event_topics), local.named_targets.sns_topics))}, which the catalogue names nowhere under targets.sns_topics; there are: ${join(", ", local.named_targets.sns_topics)}."
  }

  validation {
    condition     = length(setintersection(keys(var.event_topics), local.topic_names)) == 0
    error_message = "event_topics has ${join(", ", setintersection(keys(var.event_topics), local.topic_names))}, which the platform makes itself."
  }
}

variable "event_streams" {
  description = <<-EOT
    Kinesis streams that get events, by the name the catalogue gives them under `streams`. Records have the
    event's id for their partition key, or what is at `partition_key_path` (`$.detail.order_id`), which
    keeps the order of what has the same there as far as EventBridge keeps it. A target that is not here is
    left out.
  EOT
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.event_streams), local.named_targets.streams)) == 0
    error_message = "event_streams has ${join(", ", setsubtract(keys(var.event_streams), local.named_targets.streams))}, which the catalogue names nowhere under targets.streams; there are: ${join(", ", local.named_targets.streams)}."
  }
}

variable "event_buses" {
  description = "Other buses that get events, of any account and region, by the name the catalogue gives them under `buses`: their ARNs. Their own policy lets this account in. A target that is not here is left out."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.event_buses), local.named_targets.buses)) == 0
    error_message = "event_buses has ${join(", ", setsubtract(keys(var.event_buses), local.named_targets.buses))}, which the catalogue names nowhere under targets.buses; there are: ${join(", ", local.named_targets.buses)}."
  }
}

variable "event_endpoints" {
  description = <<-EOT
    HTTP endpoints that get events, by the name the catalogue gives them under `endpoints`: `url`, with https,
    and the ARN of a connection of EventBridge's, which holds how to sign in. `max_per_s` bounds calls; what is
    not answered within five seconds is tried again. A target that is not here is left out.
  EOT
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.event_endpoints), local.named_targets.endpoints)) == 0
    error_message = "event_endpoints has ${join(", ", setsubtract(keys(var.event_endpoints), local.named_targets.endpoints))}, which the catalogue names nowhere under targets.endpoints; there are: ${join(", ", local.named_targets.endpoints)}."
  }

  validation {
    condition     = alltrue([for endpoint in var.event_endpoints : can(regex("^https://", endpoint.url))])
    error_message = "event_endpoints: the url of ${join(", ", [for name, endpoint in var.event_endpoints : name if !can(regex("^https://", endpoint.url))])} must begin with https://."
  }
}
