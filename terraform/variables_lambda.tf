variable "function_sources" {
  description = <<-EOT
    Lambda functions that read a queue or a topic of the catalogue, by a name of yours. A `queue` is
    deleted from as the function answers; a `topic` is read as the consumer `group` of the catalogue.
    The module function-source documents each part; its `filters` are objects here. The function's
    role needs `function_source_policies[NAME]` first.
  EOT
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for source in var.function_sources : can(source.function_arn) && can(source.queue) != can(source.topic) && can(source.topic) == can(source.group)])
    error_message = "function_sources: ${join(", ", [for name, source in var.function_sources : name if !(can(source.function_arn) && can(source.queue) != can(source.topic) && can(source.topic) == can(source.group))])} needs function_arn, and either queue or topic and group."
  }
  validation {
    condition     = alltrue([for source in var.function_sources : can(local.queues[source.queue]) if can(source.queue)])
    error_message = "function_sources: ${join(", ", [for name, source in var.function_sources : "${name}.queue ${source.queue}" if can(source.queue) && !can(local.queues[source.queue])])} is not under queues of the catalogue; there are: ${join(", ", keys(local.queues))}."
  }
  validation {
    condition     = alltrue([for source in var.function_sources : contains(try(local.read_by[source.group], []), source.topic) if can(source.topic) && can(source.group)])
    error_message = "function_sources: ${join(", ", [for name, source in var.function_sources : "${name} reads ${source.topic} as ${source.group}" if can(source.topic) && can(source.group) && !contains(try(local.read_by[source.group], []), try(source.topic, ""))])}, which no group of the catalogue does; there are: ${join("; ", [for group, topics in local.read_by : "${group} of ${join(", ", topics)}"])}."
  }
  validation {
    condition     = length(distinct([for source in var.function_sources : source.group if can(source.group)])) == length([for source in var.function_sources : source.group if can(source.group)])
    error_message = "function_sources reads twice as one group: Lambda wants a group of its own for each."
  }
  validation {
    condition     = var.enable_msk || length([for source in var.function_sources : source if can(source.topic)]) == 0
    error_message = "function_sources: ${join(", ", [for name, source in var.function_sources : name if can(source.topic)])} reads a topic, for which there is no cluster; set enable_msk to true."
  }
}

variable "function_failures" {
  description = "Functions of `function_arns` whose events go to the queue `unhandled` when the function failed three times; without it they are gone. The function's role needs `unhandled_policy` first. A function has one such setting: leave out those whose owner has made it."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.function_failures, keys(var.function_arns))) == 0
    error_message = "function_failures has ${join(", ", setsubtract(var.function_failures, keys(var.function_arns)))}, which function_arns has not; there are: ${join(", ", keys(var.function_arns))}."
  }
}
