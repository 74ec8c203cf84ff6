locals {
  own = var.existing_key_arn == null ? { own = true } : {}

  # Written with jsonencode, not with a policy document: the policy is then known at
  # plan time and can be asserted statement by statement.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        # Hands the decision to IAM of this account. Without it nobody, the account's
        # administrators included, could ever change the key again.
        Sid       = "AccountAdministersByIAM"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.account.partition}:iam::${var.account.id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      }],
      [for name, grant in var.service_grants : merge(
        {
          Sid       = name
          Effect    = "Allow"
          Principal = { Service = grant.service }
          Action    = grant.actions
          Resource  = "*"
        },
        length(grant.conditions) == 0 ? {} : {
          Condition = {
            for test in distinct(grant.conditions[*].test) : test => {
              for condition in grant.conditions : condition.variable => condition.values if condition.test == test
            }
          }
        },
      )],
    )
  })
}

resource "aws_kms_key" "this" {
  for_each = local.own

  description             = var.description
  policy                  = local.policy
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days
}

resource "aws_kms_alias" "this" {
  for_each = aws_kms_key.this

  name          = "alias/${var.name}"
  target_key_id = each.value.key_id
}

# Terraform's prevent_destroy takes no variable, so something that is there by input stands before
# the key: it goes when that goes or is replaced, and it must not.
resource "terraform_data" "deletion_protection" {
  for_each = var.deletion_protection ? aws_kms_key.this : {}

  triggers_replace = each.value.key_id

  lifecycle {
    prevent_destroy = true
  }
}
