# Every refusal happens at plan time, before anything is made.
mock_provider "aws" {}

variables {
  cluster = {
    name    = "pat-test"
    family  = "standard"
    brokers = { count = 3, instance_type = "kafka.m7g.large", monitoring_level = "PER_BROKER" }
  }
  topic_arns = {
    critical = "arn:aws:sns:eu-west-1:111122223333:critical-alerts"
    warning  = "arn:aws:sns:eu-west-1:111122223333:alerts"
  }
}

run "refuses_an_unknown_family" {
  command = plan
  variables {
    cluster = { name = "pat-test", family = "provisioned", brokers = { count = 3, instance_type = "kafka.m7g.large", monitoring_level = "PER_BROKER" } }
  }
  expect_failures = [var.cluster]
}

run "refuses_brokers_on_serverless" {
  command = plan
  variables {
    cluster = { name = "pat-test", family = "serverless", brokers = { count = 3, instance_type = "kafka.m7g.large", monitoring_level = "PER_BROKER" } }
  }
  expect_failures = [var.cluster]
}

run "refuses_a_standard_cluster_without_brokers" {
  command = plan
  variables {
    cluster = { name = "pat-test", family = "standard" }
  }
  expect_failures = [var.cluster]
}

run "refuses_a_cluster_of_no_brokers" {
  command = plan
  variables {
    cluster = { name = "pat-test", family = "standard", brokers = { count = 0, instance_type = "kafka.m7g.large", monitoring_level = "PER_BROKER" } }
  }
  expect_failures = [var.cluster]
}

run "refuses_an_unknown_monitoring_level" {
  command = plan
  variables {
    cluster = { name = "pat-test", family = "standard", brokers = { count = 3, instance_type = "kafka.m7g.large", monitoring_level = "ALL" } }
  }
  expect_failures = [var.cluster]
}

run "refuses_alarms_that_tell_nobody" {
  command = plan
  variables {
    topic_arns = { critical = "", warning = "arn:aws:sns:eu-west-1:111122223333:alerts" }
  }
  expect_failures = [var.topic_arns]
}

run "refuses_a_group_whose_metrics_are_dropped" {
  command = plan
  variables {
    lag = { a = { group = "prüfer", topic = "pat-emails" } }
  }
  expect_failures = [var.lag]
}

run "refuses_a_topic_pattern" {
  command = plan
  variables {
    lag = { a = { group = "notifier", topic = "pat-*" } }
  }
  expect_failures = [var.lag]
}

run "refuses_a_lag_of_nothing" {
  command = plan
  variables {
    lag = { a = { group = "notifier", topic = "pat-emails", max_offsets = 0 } }
  }
  expect_failures = [var.lag]
}

run "refuses_a_sum_below_its_worst_part" {
  command = plan
  variables {
    lag = { a = { group = "notifier", topic = "pat-emails", max_offsets = 100, sum_offsets = 50 } }
  }
  expect_failures = [var.lag]
}

run "refuses_an_unknown_severity" {
  command = plan
  variables {
    lag = { a = { group = "notifier", topic = "pat-emails", severity = "info" } }
  }
  expect_failures = [var.lag]
}

run "refuses_a_bound_there_is_not" {
  command = plan
  variables {
    lag = { a = { group = "notifier", topic = "pat-emails", bounds = ["min_offsets"] } }
  }
  expect_failures = [var.lag]
}
