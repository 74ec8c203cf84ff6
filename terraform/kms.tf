# One key for what carries events: bus, queues, topics, state machines' records and logs.
module "key" {
  source = "./modules/kms-key"

  name        = "${local.name}-events"
  description = "Events of ${local.name}: bus, queues, topics, workflow records, logs"
  account     = local.account

  existing_key_arn    = var.kms_key_arn
  deletion_protection = var.deletion_protection

  service_grants = {
    # EventBridge names no source when it asks for a data key on the way to an encrypted
    # queue. A condition on aws:SourceArn or aws:SourceAccount here would lose every event.
    EventBridge = {
      service = "events.amazonaws.com"
      # The last is for the archive.
      actions = ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey", "kms:ReEncrypt*"]
    }
    # Alarms publish to encrypted topics. CloudWatch does name its source.
    CloudWatchAlarms = {
      service    = "cloudwatch.amazonaws.com"
      conditions = [{ test = "StringEquals", variable = "aws:SourceAccount", values = [local.account.id] }]
    }
    # Topics hand on to encrypted queues under this key.
    Topics = {
      service = "sns.amazonaws.com"
      conditions = [
        { test = "StringEquals", variable = "aws:SourceAccount", values = [local.account.id] },
        { test = "ArnLike", variable = "aws:SourceArn", values = ["arn:${local.account.partition}:sns:${var.region}:${local.account.id}:${local.name}-*"] },
      ]
    }
    CloudWatchLogs = {
      service = "logs.${var.region}.amazonaws.com"
      actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      conditions = [{
        test     = "ArnLike"
        variable = "kms:EncryptionContext:aws:logs:arn"
        values   = ["arn:${local.account.partition}:logs:${var.region}:${local.account.id}:log-group:*"]
      }]
    }
  }
}
