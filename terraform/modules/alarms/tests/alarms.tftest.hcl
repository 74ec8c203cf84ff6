mock_provider "aws" {}

variables {
  name_prefix = "pat-test"
  topic_arns = {
    critical = "arn:aws:sns:eu-west-1:111122223333:critical-alerts"
    warning  = "arn:aws:sns:eu-west-1:111122223333:alerts"
  }
  alarms = {
    dead-letters = {
      description = "Something was given up."
      severity    = "critical"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = "q-dlq" }
      statistic   = "Maximum"
    }
    old = {
      description = "Consumers are behind."
      severity    = "warning"
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = "q" }
      statistic   = "Maximum"
      above       = 300
      periods     = 5
    }
  }
}

run "severity_chooses_the_topic_for_alarm_and_recovery" {
  command = plan

  assert {
    condition     = tolist(aws_cloudwatch_metric_alarm.this["dead-letters"].alarm_actions) == tolist([var.topic_arns.critical]) && tolist(aws_cloudwatch_metric_alarm.this["dead-letters"].ok_actions) == tolist([var.topic_arns.critical])
    error_message = "A critical alarm and its end go to critical-alerts."
  }
  assert {
    condition     = tolist(aws_cloudwatch_metric_alarm.this["old"].alarm_actions) == tolist([var.topic_arns.warning])
    error_message = "A warning goes to alerts."
  }
  assert {
    condition     = output.names == { critical = ["pat-test-dead-letters"], warning = ["pat-test-old"] }
    error_message = "Names are known at plan time, by severity."
  }
}

run "silence_is_healthy" {
  command = plan

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.treat_missing_data == "notBreaching" && alarm.comparison_operator == "GreaterThanThreshold"])
    error_message = "No data, no alarm."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["old"].threshold == 300 && aws_cloudwatch_metric_alarm.this["old"].evaluation_periods == 5
    error_message = "The threshold and patience are those given."
  }
}

run "refuses_an_unknown_severity" {
  command = plan
  variables { alarms = { a = { description = "d", severity = "urgent", namespace = "N", metric = "M", dimensions = {} } } }
  expect_failures = [var.alarms]
}

run "refuses_an_unknown_statistic" {
  command = plan
  variables { alarms = { a = { description = "d", severity = "warning", namespace = "N", metric = "M", dimensions = {}, statistic = "p99" } } }
  expect_failures = [var.alarms]
}

run "refuses_a_period_cloudwatch_does_not_know" {
  command = plan
  variables { alarms = { a = { description = "d", severity = "warning", namespace = "N", metric = "M", dimensions = {}, period_s = 45 } } }
  expect_failures = [var.alarms]
}
