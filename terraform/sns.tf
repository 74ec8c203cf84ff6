module "topic" {
  source   = "./modules/sns-topic"
  for_each = toset(local.topic_names)

  name        = "${local.name}-${each.key}"
  account     = local.account
  kms_key_arn = module.key.arn

  # Services publish user notifications with rights of their own.
  publishers = each.key == "user-notifications" ? {} : { Alarms = { service = "cloudwatch.amazonaws.com" } }

  subscriptions = {
    for address in lookup(var.alert_emails, each.key, []) : address => { protocol = "email", endpoint = address }
  }
}
