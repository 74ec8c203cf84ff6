# Finds the private subnets of a VPC by their tags. `terraform output -raw tfvars` prints
# what the platform wants.
variable "region" {
  description = "AWS region of the VPC."
  type        = string
  default     = "eu-west-1"
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

provider "aws" {
  region = var.region
}

module "network" {
  source = "../../modules/network-lookup"

  vpc_id      = var.vpc_id
  subnet_tags = { Tier = "private" }
}

output "tfvars" {
  description = "Network inputs of the platform, as a .tfvars file."
  value       = <<-EOT
    vpc_id     = "${module.network.vpc_id}"
    subnet_ids = ${jsonencode(module.network.subnet_ids)}
  EOT
}
