# The archive: written by the connector's role, read by people and jobs with a role of theirs.
resource "aws_s3_bucket" "archive" {
  #checkov:skip=CKV_AWS_18:Access is recorded by CloudTrail data events where an account wants it; a log bucket of its own would need the same care as the archive.
  #checkov:skip=CKV_AWS_144:The archive is the second copy of what the cluster holds; a copy in another region is a decision about residency of the data.
  #checkov:skip=CKV2_AWS_62:Nothing reacts to an archived file.
  bucket        = var.bucket_name
  force_destroy = var.archive.force_destroy
}

resource "aws_s3_bucket_ownership_controls" "archive" {
  bucket = aws_s3_bucket.archive.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "archive" {
  bucket = aws_s3_bucket.archive.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "archive" {
  bucket = aws_s3_bucket.archive.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "archive" {
  bucket = aws_s3_bucket.archive.id

  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "archive" {
  bucket = aws_s3_bucket.archive.id

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
    transition {
      days          = var.archive.cold_after_days
      storage_class = "GLACIER_IR"
    }
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
    dynamic "expiration" {
      for_each = var.archive.expire_after_days[*]
      content {
        days = expiration.value
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.archive]
}

resource "aws_s3_bucket_policy" "archive" {
  bucket = aws_s3_bucket.archive.id
  policy = local.bucket_policy

  depends_on = [aws_s3_bucket_public_access_block.archive]
}

# Terraform's prevent_destroy takes no variable, so something that is there by input stands before
# the bucket: it goes when that goes or is replaced, and it must not.
resource "terraform_data" "deletion_protection" {
  for_each = var.deletion_protection ? { bucket = true } : {}

  triggers_replace = aws_s3_bucket.archive.id

  lifecycle {
    prevent_destroy = true
  }
}
