# Other accounts' clients, by PrivateLink from networks of their own.
locals {
  # Those accounts give their roles rights on topics and groups themselves; no more than these.
  shared_actions = [
    "kafka-cluster:AlterGroup",
    "kafka-cluster:AlterTransactionalId",
    "kafka-cluster:Connect",
    "kafka-cluster:DescribeCluster",
    "kafka-cluster:DescribeGroup",
    "kafka-cluster:DescribeTopic",
    "kafka-cluster:DescribeTransactionalId",
    "kafka-cluster:ReadData",
    "kafka-cluster:WriteData",
    "kafka-cluster:WriteDataIdempotently",
  ]
}

resource "aws_msk_cluster_policy" "this" {
  for_each = local.shared

  cluster_arn = aws_msk_cluster.this[each.key].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Reach"
        Effect    = "Allow"
        Principal = { AWS = sort(var.private_accounts) }
        Action    = ["kafka:CreateVpcConnection", "kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"]
        Resource  = aws_msk_cluster.this[each.key].arn
      },
      {
        Sid       = "UseAsTheyMay"
        Effect    = "Allow"
        Principal = { AWS = sort(var.private_accounts) }
        Action    = local.shared_actions
        Resource = concat([aws_msk_cluster.this[each.key].arn], [
          for kind in ["group", "topic", "transactional-id"] : "${replace(aws_msk_cluster.this[each.key].arn, ":cluster/", ":${kind}/")}/*"
        ])
      },
    ]
  })
}
