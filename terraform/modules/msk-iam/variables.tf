variable "cluster_arns" {
  description = "ARNs of the MSK clusters the policies are for: one, and its successor while clients move."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.cluster_arns) > 0 && alltrue([for arn in var.cluster_arns : can(regex("^arn:aws[a-z-]*:kafka:[a-z0-9-]+:[0-9]{12}:cluster/[^/*]+/[^/*]+$", arn))])
    error_message = "cluster_arns must be full ARNs of clusters (arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID), without wildcards."
  }
}

variable "events" {
  description = "The catalogue's events: name => topic it is written to and source that publishes it."
  type = map(object({
    topic  = string
    source = string
  }))
  nullable = false

  validation {
    condition     = alltrue([for event in var.events : can(regex("^[a-zA-Z0-9._-]{1,249}$", event.topic))])
    error_message = "events: a topic must be 1-249 letters, digits, '.', '_' or '-'; a wildcard would open other topics."
  }
}

variable "groups" {
  description = "The catalogue's consumer groups: name => events it consumes, events its handlers publish, and routes of dead letters to topics of their own."
  type = map(object({
    consumes           = set(string)
    publishes          = optional(set(string), [])
    dead_letter_routes = optional(set(string), [])
  }))
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.groups) : can(regex("^[a-zA-Z0-9_-]{1,100}$", name))])
    error_message = "groups: a name must be 1-100 ASCII letters, digits, '_' or '-': it is part of topic names and of metrics, and a wildcard would open other groups."
  }

  validation {
    condition     = alltrue([for group in var.groups : length(setsubtract(setunion(group.consumes, group.publishes), keys(var.events))) == 0])
    error_message = "groups: a group consumes or publishes an event that the catalogue does not list under events; add the event or correct its name."
  }

  validation {
    condition     = alltrue([for group in var.groups : alltrue([for route in group.dead_letter_routes : can(regex("^[a-zA-Z0-9_-]{1,60}$", route))])])
    error_message = "groups: a route of dead letters must be 1-60 ASCII letters, digits, '_' or '-': it is part of topic names, and a wildcard would open other topics."
  }

  validation {
    condition     = alltrue([for group in var.groups : length(group.consumes) > 0])
    error_message = "groups: a consumer group must consume at least one event; remove the group or list what it reads."
  }
}
