variable "vpc_id" {
  description = "The VPC to look in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id must be the id of a VPC (vpc-…), not its name."
  }
}

variable "subnet_tags" {
  description = "Tags all wanted subnets have, such as `{ Tier = \"private\" }`."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_tags) > 0
    error_message = "subnet_tags must name at least one tag; without any, public subnets would be found as well."
  }
}

variable "zones" {
  description = "Availability zones to take a subnet in."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = contains([2, 3], var.zones)
    error_message = "zones must be 2 or 3, the numbers of zones an MSK cluster spans."
  }
}
