module "workflow" {
  source   = "./modules/workflow"
  for_each = local.workflows

  name               = "${local.name}-${each.key}"
  account            = local.account
  kms_key_arn        = module.key.arn
  roles              = local.roles
  log_retention_days = var.log_retention_days
  enable_xray        = var.enable_xray
  force_destroy      = var.force_destroy

  # The bus by name: its rules start the state machine, so its ARN is not there yet.
  step_event = {
    bus_name    = local.name
    source      = try(local.events[var.workflow_step_event].source, "")
    detail_type = try(local.events[var.workflow_step_event].detail_type, "")
  }
}
