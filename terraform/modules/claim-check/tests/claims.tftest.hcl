mock_provider "aws" {
  override_during = plan
  mock_resource "aws_s3_bucket" {
    defaults = { id = "shop-claims", arn = "arn:aws:s3:::shop-claims" }
  }
}

variables {
  account           = { id = "111122223333", region = "eu-west-1" }
  bucket_name       = "shop-claims"
  expire_after_days = 38
  kms_key_arn       = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "senders_put_and_readers_get_under_the_prefix" {
  command = plan

  assert {
    condition = jsondecode(output.sender_policy_json).Statement == [
      { Sid = "CheckIn", Effect = "Allow", Action = "s3:PutObject", Resource = "arn:aws:s3:::shop-claims/claims/*" },
      {
        Sid       = "Encrypt", Effect = "Allow", Action = "kms:GenerateDataKey", Resource = var.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "s3.eu-west-1.amazonaws.com" } }
      },
    ]
    error_message = "A sender puts, under the prefix, and gets nothing."
  }
  assert {
    condition = jsondecode(output.reader_policy_json).Statement == [
      { Sid = "CheckOut", Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::shop-claims/claims/*" },
      { Sid = "TellMissing", Effect = "Allow", Action = "s3:ListBucket", Resource = "arn:aws:s3:::shop-claims" },
      {
        Sid       = "Decrypt", Effect = "Allow", Action = "kms:Decrypt", Resource = var.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "s3.eu-west-1.amazonaws.com" } }
      },
    ]
    error_message = "A reader gets, under the prefix, learns what is gone, and puts nothing."
  }
}

run "the_bucket_is_safe_and_forgets" {
  command = plan

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this["own"].rule).apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn
    error_message = "Objects are under the key."
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this["own"].block_public_acls, aws_s3_bucket_public_access_block.this["own"].block_public_policy,
      aws_s3_bucket_public_access_block.this["own"].ignore_public_acls, aws_s3_bucket_public_access_block.this["own"].restrict_public_buckets,
    ])
    error_message = "Nothing is public."
  }
  assert {
    condition     = { for rule in aws_s3_bucket_lifecycle_configuration.this["own"].rule : rule.id => try(rule.expiration[0].days, 0) } == { abort-unfinished-uploads = 0, age = 38 }
    error_message = "Objects go once their events have gone."
  }
  assert {
    condition     = aws_s3_bucket_policy.this["own"].policy == output.bucket_policy_json && jsondecode(output.bucket_policy_json).Statement[0].Condition == { Bool = { "aws:SecureTransport" = "false" } }
    error_message = "Nobody comes without TLS."
  }
  assert {
    condition     = length(terraform_data.deletion_protection) == 0 && !aws_s3_bucket.this["own"].force_destroy
    error_message = "It goes with a plan that says so, and only empty."
  }
}

run "a_protected_bucket_stays" {
  command = plan
  variables { deletion_protection = true }
  assert {
    condition     = keys(terraform_data.deletion_protection) == ["own"]
    error_message = "Something that must not go stands before it."
  }
}

run "a_bucket_that_is_there_is_taken_as_it_is" {
  command = plan
  variables {
    bucket_name         = null
    existing_bucket     = "data-lake"
    prefix              = "events/large/"
    deletion_protection = true
  }
  assert {
    condition     = length(aws_s3_bucket.this) + length(aws_s3_bucket_policy.this) + length(aws_s3_bucket_lifecycle_configuration.this) + length(terraform_data.deletion_protection) == 0 && output.settings == null
    error_message = "Nothing of it is changed."
  }
  assert {
    condition     = jsondecode(output.sender_policy_json).Statement[0].Resource == "arn:aws:s3:::data-lake/events/large/*" && output.bucket == "data-lake"
    error_message = "Its prefix is used and no other."
  }
}

run "refuses_no_bucket" {
  command = plan
  variables { bucket_name = null }
  expect_failures = [var.bucket_name]
}

run "refuses_a_bucket_by_its_url" {
  command = plan
  variables {
    bucket_name     = null
    existing_bucket = "s3://data-lake"
  }
  expect_failures = [var.existing_bucket]
}

run "refuses_a_bucket_with_capitals" {
  command = plan
  variables { bucket_name = "Claims" }
  expect_failures = [var.bucket_name]
}

run "refuses_the_whole_bucket_as_prefix" {
  command = plan
  variables { prefix = "" }
  expect_failures = [var.prefix]
}

run "refuses_a_prefix_that_others_begin_with" {
  command = plan
  variables { prefix = "claims" }
  expect_failures = [var.prefix]
}

run "refuses_to_forget_before_the_events" {
  command = plan
  variables { expire_after_days = 7 }
  expect_failures = [var.expire_after_days]
}

run "refuses_an_alias_for_a_key" {
  command = plan
  variables { kms_key_arn = "alias/aws/s3" }
  expect_failures = [var.kms_key_arn]
}
