output "arns" {
  description = "Alarm to ARN."
  value       = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.arn }
}

output "names" {
  description = "Names of the alarms by severity. Known at plan time."
  value = {
    for severity in ["critical", "warning"] : severity => [
      for key, alarm in var.alarms : "${var.name_prefix}-${key}" if alarm.severity == severity
    ]
  }
}

output "thresholds" {
  description = "Alarm to its threshold. Known at plan time."
  value       = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.threshold }
}
