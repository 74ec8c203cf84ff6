data "aws_subnets" "tagged" {
  filter {
    name   = "vpc-id"
    values = [var.vpc_id]
  }

  tags = var.subnet_tags
}

data "aws_subnet" "tagged" {
  for_each = toset(data.aws_subnets.tagged.ids)

  id = each.value

  lifecycle {
    postcondition {
      condition     = !self.map_public_ip_on_launch
      error_message = "Subnet ${self.id} gives out public addresses; brokers belong in private subnets. Choose other subnet_tags."
    }
  }
}

locals {
  # The first subnet, by id, of each zone: another subnet in a zone changes nothing.
  by_zone = { for id in sort(data.aws_subnets.tagged.ids) : data.aws_subnet.tagged[id].availability_zone => id... }
  zones   = slice(sort(keys(local.by_zone)), 0, min(var.zones, length(local.by_zone)))
}
