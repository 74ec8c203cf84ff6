locals {
  # How a subscriber is reached, by the form of its address.
  subscriber_forms = {
    email  = "^[^@ /:]+@[^@ ]+\\.[^@ ]+$"
    https  = "^https://[^ ]+$"
    lambda = "^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[^ ]+$"
    sqs    = "^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[^ ]+$"
  }
  subscribers = {
    for topic in local.topic_names : topic => {
      for who in lookup(var.alert_subscribers, topic, []) : who => one([for protocol, form in local.subscriber_forms : protocol if can(regex(form, who))])
    }
  }
  # What these cannot take is kept; for e-mail SNS has no such thing.
  unheard      = length([for protocol in flatten([for who in local.subscribers : values(who)]) : protocol if protocol != "email"]) > 0
  unheard_name = "${local.name}-unheard"
  unheard_arn  = "arn:${local.account.partition}:sqs:${var.region}:${local.account.id}:${local.unheard_name}"
  topic_arns   = { for topic in local.topic_names : topic => "arn:${local.account.partition}:sns:${var.region}:${local.account.id}:${local.name}-${topic}" }

  told_functions = merge([
    for topic, subscribers in local.subscribers : {
      for who, protocol in subscribers : "${topic} ${who}" => merge({ topic = topic }, regex("^(?P<function>.+:function:[^:]+)(?::(?P<qualifier>.+))?$", who)) if protocol == "lambda"
    }
  ]...)
}

module "topic" {
  source   = "./modules/sns-topic"
  for_each = toset(local.topic_names)

  name        = "${local.name}-${each.key}"
  account     = local.account
  kms_key_arn = module.key.arn

  # Services publish user notifications with rights of their own.
  publishers = each.key == "user-notifications" ? {} : { Alarms = { service = "cloudwatch.amazonaws.com" } }

  subscriptions = {
    for who, protocol in local.subscribers[each.key] : who => {
      protocol        = protocol
      endpoint        = who
      dead_letter_arn = protocol == "email" ? null : one(aws_sqs_queue.unheard[*].arn)
    }
  }
}

resource "aws_sqs_queue" "unheard" {
  count = local.unheard ? 1 : 0

  name                      = local.unheard_name
  message_retention_seconds = 1209600
  receive_wait_time_seconds = 20
  kms_master_key_id         = module.key.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyWithoutTLS"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.unheard_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "KeepUnheard"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.unheard_arn
        Condition = { ArnEquals = { "aws:SourceArn" = values(local.topic_arns) } }
      },
    ]
  })
}

resource "aws_lambda_permission" "topic" {
  for_each = local.told_functions

  statement_id  = "${local.name}-${each.value.topic}"
  function_name = each.value.function
  qualifier     = each.value.qualifier
  action        = "lambda:InvokeFunction"
  principal     = "sns.amazonaws.com"
  source_arn    = local.topic_arns[each.value.topic]
}

# Slack: the service reads the topics, and looks at alarms to draw them.
resource "aws_iam_role" "slack" {
  count = var.alert_slack == null ? 0 : 1

  name                 = "${local.name}-slack-${var.region}"
  description          = "Lets alarms of ${local.name} be shown in Slack"
  path                 = local.roles.path
  permissions_boundary = local.roles.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "chatbot.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account.id } }
    }]
  })
}

resource "aws_iam_role_policy" "slack" {
  count = var.alert_slack == null ? 0 : 1

  name = "show-alarms"
  role = aws_iam_role.slack[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LookAtAlarms"
        Effect   = "Allow"
        Action   = "cloudwatch:DescribeAlarms"
        Resource = "arn:${local.account.partition}:cloudwatch:${var.region}:${local.account.id}:alarm:*"
      },
      {
        # These name no resource.
        Sid      = "DrawCharts"
        Effect   = "Allow"
        Action   = ["cloudwatch:GetMetricData", "cloudwatch:GetMetricWidgetImage"]
        Resource = "*"
      },
    ]
  })
}

resource "aws_chatbot_slack_channel_configuration" "this" {
  for_each = toset(var.alert_slack == null ? [] : distinct(values(var.alert_slack.channels)))

  configuration_name = "${local.name}-${each.key}"
  iam_role_arn       = aws_iam_role.slack[0].arn
  slack_team_id      = var.alert_slack.team_id
  slack_channel_id   = each.key
  sns_topic_arns     = [for topic, channel in var.alert_slack.channels : module.topic[topic].arn if channel == each.key]
  # Without it whoever writes in the channel may do what an administrator may, as far as the role goes.
  guardrail_policy_arns = ["arn:${local.account.partition}:iam::aws:policy/CloudWatchReadOnlyAccess"]
}

check "somebody_hears" {
  assert {
    condition     = length(local.subscribers["critical-alerts"]) > 0 || can(var.alert_slack.channels["critical-alerts"])
    error_message = "Critical alarms reach nobody: name a subscriber of critical-alerts in alert_subscribers, or a channel in alert_slack."
  }
}
