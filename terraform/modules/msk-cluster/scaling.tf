# How storage grows.
# The role is AWS's service-linked one, which MSK's first scaling target creates.
resource "aws_appautoscaling_target" "storage" {
  for_each = local.standard

  service_namespace  = "kafka"
  scalable_dimension = "kafka:broker-storage:VolumeSize"
  resource_id        = aws_msk_cluster.this[each.key].arn
  min_capacity       = 1
  max_capacity       = each.value.max_volume_gib
}

resource "aws_appautoscaling_policy" "storage" {
  for_each = aws_appautoscaling_target.storage

  name               = "${var.name}-broker-storage"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = each.value.service_namespace
  scalable_dimension = each.value.scalable_dimension
  resource_id        = each.value.resource_id

  target_tracking_scaling_policy_configuration {
    # MSK's best practices name 50-60 %: growing takes hours and happens once in six.
    target_value     = 60
    disable_scale_in = true

    predefined_metric_specification {
      predefined_metric_type = "KafkaBrokerStorageUtilization"
    }
  }
}

# A plan passes over a changed size, so it says at least that it does.
check "volume_gib" {
  assert {
    condition = alltrue([
      for family in keys(local.standard) : aws_msk_cluster.this[family].broker_node_group_info[0].storage_info[0].ebs_storage_info[0].volume_size >= var.brokers.volume_gib
    ])
    error_message = "brokers.volume_gib is ${coalesce(var.brokers.volume_gib, 0)}, but the brokers of ${var.name} have less: Terraform sets the first size only. Grow them with `aws kafka update-broker-storage`, or let auto-scaling do so."
  }
}
