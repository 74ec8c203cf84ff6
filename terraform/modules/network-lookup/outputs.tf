output "vpc_id" {
  description = "The VPC, for `vpc_id`."
  value       = var.vpc_id
}

output "subnet_ids" {
  description = "One subnet in each zone, in the order of the zones' names, for `subnet_ids`."
  value       = [for zone in local.zones : local.by_zone[zone][0]]

  precondition {
    condition     = length(local.zones) == var.zones
    error_message = "The tagged subnets of ${var.vpc_id} lie in ${length(local.by_zone)} availability zone(s), ${var.zones} are wanted; tag a subnet in each zone or lower zones."
  }
}

output "availability_zones" {
  description = "The zones, in the order of `subnet_ids`."
  value       = local.zones
}
