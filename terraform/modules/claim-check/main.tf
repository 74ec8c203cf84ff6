# Written with jsonencode, so that tests read the policies at plan time.
locals {
  bucket     = coalesce(var.existing_bucket, var.bucket_name)
  bucket_arn = "arn:${var.account.partition}:s3:::${local.bucket}"
  own        = var.existing_bucket == null ? { own = true } : {}
  via_s3     = { StringEquals = { "kms:ViaService" = "s3.${var.account.region}.amazonaws.com" } }

  bucket_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  sender_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "CheckIn"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = "${local.bucket_arn}/${var.prefix}*"
      },
      {
        Sid       = "Encrypt"
        Effect    = "Allow"
        Action    = "kms:GenerateDataKey"
        Resource  = var.kms_key_arn
        Condition = local.via_s3
      },
    ]
  })
  reader_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "CheckOut"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${local.bucket_arn}/${var.prefix}*"
      },
      {
        # Without it S3 says that an object which is gone is forbidden, and the event would be held
        # for ever instead of given up. With a condition on the prefix it says so as well.
        Sid      = "TellMissing"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = local.bucket_arn
      },
      {
        Sid       = "Decrypt"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.kms_key_arn
        Condition = local.via_s3
      },
    ]
  })
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:Access is recorded by CloudTrail data events where an account wants it; a log bucket of its own would need the same care.
  #checkov:skip=CKV_AWS_21:An object is written once, under its event's id, and expires: versions would keep what was to go.
  #checkov:skip=CKV_AWS_144:Objects live as long as their events, which are in one region.
  #checkov:skip=CKV2_AWS_62:Nothing reacts to an object; its event says where it is.
  for_each = local.own

  bucket        = var.bucket_name
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  # A rule of its own, for all objects: with a prefix parts of other uploads would stay.
  rule {
    id     = "abort-unfinished-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "age"
    status = "Enabled"
    filter {}
    expiration {
      days = var.expire_after_days
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  policy = local.bucket_policy

  depends_on = [aws_s3_bucket_public_access_block.this]
}

# Terraform's prevent_destroy takes no variable, so something that is there by input stands before
# the bucket: it goes when that goes or is replaced, and it must not.
resource "terraform_data" "deletion_protection" {
  for_each = var.deletion_protection ? aws_s3_bucket.this : {}

  triggers_replace = each.value.id

  lifecycle {
    prevent_destroy = true
  }
}
