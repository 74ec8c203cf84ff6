# Room for 1,000 events a second of 1 KB on average and ten times that at peaks, for 7 days;
# docs/infrastructure.md has the sums.
environment = "prod"
region      = "eu-west-1"
tags        = { Environment = "prod", Project = "pat-events" }

# No plan deletes what holds events.
deletion_protection = true

msk = {
  brokers    = { instance_type = "kafka.m7g.xlarge", volume_gib = 1000, max_volume_gib = 8000 }
  monitoring = { level = "PER_TOPIC_PER_BROKER" }
}

# Where somebody is reached; each address confirms once.
alert_subscribers = {}
