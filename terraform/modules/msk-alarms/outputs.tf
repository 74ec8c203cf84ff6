output "arns" {
  description = "Alarm to ARN."
  value = merge(
    { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.arn },
    { for key, alarm in aws_cloudwatch_metric_alarm.storage : key => alarm.arn },
  )
}

output "names" {
  description = "Names of the alarms by severity. Known at plan time."
  value = {
    critical = [for key, alarm in local.alarms : "${var.cluster.name}-${key}" if alarm.severity == "critical"]
    warning = concat(
      [for key, alarm in local.alarms : "${var.cluster.name}-${key}" if alarm.severity == "warning"],
      local.express ? ["${var.cluster.name}-cluster-storage"] : [],
    )
  }
}

output "charts" {
  description = "What a dashboard should show of the cluster: a list of title, statistic and metrics as CloudWatch's widgets take them."
  value       = local.charts
}

output "thresholds" {
  description = "Alarm to its threshold. Known at plan time."
  value       = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.threshold }
}
