# Production's shape with less room, to rehearse upgrades on.
environment = "staging"
region      = "eu-west-1"
tags        = { Environment = "staging", Project = "pat-events" }

msk = {
  brokers = { instance_type = "kafka.m7g.large", volume_gib = 100, max_volume_gib = 500 }
}
