locals {
  bucket     = "${var.name}-${var.account.id}-${var.account.region}"
  bucket_arn = "arn:${var.account.partition}:s3:::${local.bucket}"
  bus_arn    = "arn:${var.account.partition}:events:${var.account.region}:${var.account.id}:event-bus/${var.step_event.bus_name}"

  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account.id }
        ArnEquals    = { "aws:SourceArn" = "arn:${var.account.partition}:states:${var.account.region}:${var.account.id}:stateMachine:${var.name}" }
      }
    }]
  })
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "ReadDefinitions"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = "${local.bucket_arn}/definitions/*"
        },
        {
          # Without it S3 answers "access denied" instead of "no such key" for a
          # workflow that does not exist.
          Sid      = "TellMissingFromForbidden"
          Effect   = "Allow"
          Action   = "s3:ListBucket"
          Resource = local.bucket_arn
        },
        {
          Sid      = "WriteRuns"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${local.bucket_arn}/runs/*"
        },
        {
          Sid       = "UseKeyThroughS3"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = var.kms_key_arn
          Condition = { StringEquals = { "kms:ViaService" = "s3.${var.account.region}.amazonaws.com" } }
        },
        {
          Sid       = "PublishSteps"
          Effect    = "Allow"
          Action    = "events:PutEvents"
          Resource  = local.bus_arn
          Condition = { StringEquals = { "events:source" = var.step_event.source } }
        },
        {
          # Log delivery knows no resource-level rights.
          Sid    = "DeliverLogs"
          Effect = "Allow"
          Action = [
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
          ]
          Resource = "*"
        },
      ],
      # Nor does X-Ray.
      var.enable_xray ? [{
        Sid      = "SendTraces"
        Effect   = "Allow"
        Action   = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        Resource = "*"
      }] : [],
    )
  })
}

resource "aws_sfn_state_machine" "this" {
  name       = var.name
  role_arn   = aws_iam_role.this.arn
  definition = local.definition

  logging_configuration {
    log_destination        = "${aws_cloudwatch_log_group.this.arn}:*"
    include_execution_data = true
    level                  = "ERROR"
  }

  dynamic "tracing_configuration" {
    for_each = var.enable_xray ? [true] : []
    content {
      enabled = true
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_cloudwatch_log_group" "this" {
  # Only under this prefix may services write without filling the account's one log policy.
  name              = "/aws/vendedlogs/states/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-run-${var.account.region}"
  description          = "Lets the state machine ${var.name} read definitions, publish steps and write records"
  assume_role_policy   = local.trust
  path                 = var.roles.path
  permissions_boundary = var.roles.permissions_boundary_arn
}

resource "aws_iam_role_policy" "this" {
  name   = "run"
  role   = aws_iam_role.this.id
  policy = local.policy
}
