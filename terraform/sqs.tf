module "queue" {
  source   = "./modules/sqs-queue"
  for_each = local.queues

  name               = "${local.name}-${each.key}"
  account            = local.account
  kms_key_arn        = module.key.arn
  fifo               = each.value.fifo
  consumer_timeout_s = each.value.consumer_timeout_s

  senders = {
    for service, rules in { Events = [for target in local.targets : target.rule if target.name == each.key && endswith(target.kind, "queue")] } : service => {
      service                      = "events.amazonaws.com"
      source_arns                  = [for rule in rules : local.rule_arns[rule]]
    } if length(rules) > 0
  }
}
