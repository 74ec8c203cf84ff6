output "group_name" {
  description = "Name of the schedule group, the dimension of its metrics. Known at plan time."
  value       = var.name
}

output "schedule_arns" {
  description = "Schedule name to ARN."
  value       = { for name, schedule in aws_scheduler_schedule.this : name => schedule.arn }
}

output "policy_json" {
  description = "Trust and rights of the role the scheduler takes."
  value = {
    trust = local.trust
    send  = local.policy
  }
}

output "schedules" {
  description = "Schedule to what is sent when. Known at plan time."
  value       = { for name, schedule in aws_scheduler_schedule.this : name => { expression = schedule.schedule_expression, description = schedule.description, input = schedule.target[0].input } }
}

output "roles" {
  description = "Roles that are made to path and permissions boundary. Known at plan time."
  value       = { for role in aws_iam_role.this[*] : role.name => { path = role.path, boundary = role.permissions_boundary } }
}
