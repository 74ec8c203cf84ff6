mock_provider "aws" {
  mock_data "aws_subnets" {
    defaults = { ids = ["subnet-4", "subnet-2", "subnet-1", "subnet-3"] }
  }
}

override_data {
  target = data.aws_subnet.tagged["subnet-1"]
  values = { availability_zone = "eu-west-1a", map_public_ip_on_launch = false }
}
override_data {
  target = data.aws_subnet.tagged["subnet-2"]
  values = { availability_zone = "eu-west-1a", map_public_ip_on_launch = false }
}
override_data {
  target = data.aws_subnet.tagged["subnet-3"]
  values = { availability_zone = "eu-west-1c", map_public_ip_on_launch = false }
}
override_data {
  target = data.aws_subnet.tagged["subnet-4"]
  values = { availability_zone = "eu-west-1b", map_public_ip_on_launch = false }
}

variables {
  vpc_id      = "vpc-0a1b"
  subnet_tags = { Tier = "private" }
}

run "one_subnet_in_each_zone" {
  command = plan
  assert {
    condition     = output.subnet_ids == ["subnet-1", "subnet-4", "subnet-3"]
    error_message = "The first of each zone, in the order of the zones."
  }
  assert {
    condition     = join(",", output.availability_zones) == "eu-west-1a,eu-west-1b,eu-west-1c"
    error_message = "The zones are told in the same order."
  }
}

run "two_zones_if_asked" {
  command = plan
  variables { zones = 2 }
  assert {
    condition     = output.subnet_ids == ["subnet-1", "subnet-4"]
    error_message = "No more than asked for."
  }
}

run "refuses_too_few_zones" {
  command = plan
  override_data {
    target = data.aws_subnet.tagged["subnet-3"]
    values = { availability_zone = "eu-west-1a", map_public_ip_on_launch = false }
  }
  expect_failures = [output.subnet_ids]
}

run "refuses_a_public_subnet" {
  command = plan
  override_data {
    target = data.aws_subnet.tagged["subnet-2"]
    values = { availability_zone = "eu-west-1a", map_public_ip_on_launch = true }
  }
  expect_failures = [data.aws_subnet.tagged["subnet-2"]]
}

run "refuses_a_name_for_an_id" {
  command = plan
  variables { vpc_id = "main" }
  expect_failures = [var.vpc_id]
}

run "refuses_no_tags" {
  command = plan
  variables { subnet_tags = {} }
  expect_failures = [var.subnet_tags]
}

run "refuses_four_zones" {
  command = plan
  variables { zones = 4 }
  expect_failures = [var.zones]
}
