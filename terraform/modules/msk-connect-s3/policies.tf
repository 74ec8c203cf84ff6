# Written with jsonencode, so that tests read the policies at plan time.
locals {
  bucket_arn    = "arn:${var.account.partition}:s3:::${var.bucket_name}"
  connector_arn = "arn:${var.account.partition}:kafkaconnect:${var.account.region}:${var.account.id}:connector/${var.name}/*"
  topic_arn     = replace(var.cluster.arn, ":cluster/", ":topic/")
  group_arn     = replace(var.cluster.arn, ":cluster/", ":group/")

  trust_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ThisConnectorOnly"
      Effect    = "Allow"
      Principal = { Service = "kafkaconnect.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account.id }
        # The end of the ARN is made with the connector, after its role.
        ArnLike = { "aws:SourceArn" = local.connector_arn }
      }
    }]
  })

  role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Connect"
        Effect   = "Allow"
        Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:WriteDataIdempotently"]
        Resource = [var.cluster.arn]
      },
      {
        Sid      = "ReadTopics"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = [for topic in var.topics : "${local.topic_arn}/${topic}"]
      },
      {
        Sid      = "WriteDeadLetters"
        Effect   = "Allow"
        Action   = ["kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
        Resource = ["${local.topic_arn}/${local.dead_letter_topic}"]
      },
      {
        # Kafka Connect's own topics, named by the service.
        Sid      = "KeepState"
        Effect   = "Allow"
        Action   = ["kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData", "kafka-cluster:WriteData"]
        Resource = ["${local.topic_arn}/__amazon_msk_connect_*"]
      },
      {
        Sid      = "CommitOffsets"
        Effect   = "Allow"
        Action   = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
        Resource = ["${local.group_arn}/__amazon_msk_connect_*", "${local.group_arn}/${local.consumer_group}"]
      },
      {
        Sid      = "FindArchive"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = [local.bucket_arn]
      },
      {
        Sid      = "WriteArchive"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
        Resource = ["${local.bucket_arn}/*"]
      },
      {
        Sid      = "FetchPlugin"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = ["${var.plugin.bucket_arn}/${var.plugin.key}"]
      },
      {
        Sid      = "UseKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [var.kms_key_arn]
      },
    ]
  })

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
}
