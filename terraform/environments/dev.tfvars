# The smallest cluster that behaves like the others: three zones, three copies.
environment        = "dev"
region             = "eu-west-1"
force_destroy      = true
log_retention_days = 30
tags               = { Environment = "dev", Project = "pat-events" }

msk = {
  brokers = { instance_type = "kafka.m7g.large", volume_gib = 20, max_volume_gib = 100 }
}
