variable "msk" {
  description = "The cluster in use."
  type = object({
    family        = optional(string, "standard")
    kafka_version = optional(string)
    brokers = optional(object({
      instance_type           = optional(string)
      count                   = optional(number)
      volume_gib              = optional(number)
      max_volume_gib          = optional(number)
      volume_throughput_mibps = optional(number)
      tiered_storage          = optional(bool)
    }), {})
    authentication = optional(object({
      scram_secret_arns = optional(set(string))
      tls_ca_arns       = optional(set(string))
    }), {})
    replication = optional(object({
      factor      = optional(number)
      min_in_sync = optional(number)
    }), {})
    private_accounts  = optional(set(string), [])
    retention_days    = optional(number)
    server_properties = optional(map(string))
    monitoring = optional(object({
      level        = optional(string)
      broker_logs  = optional(bool)
      log_bucket   = optional(string)
      log_firehose = optional(string)
    }), {})
    client_security_groups  = optional(map(string), {})
    client_cidrs            = optional(map(string), {})
    client_prefix_lists     = optional(map(string), {})
    scraper_security_groups = optional(map(string), {})
  })
  default  = {}
  nullable = false
}

variable "msk_successor" {
  description = "A cluster of another family beside it. Clients and scrapers are those of `msk` unless named."
  type = object({
    family        = string
    kafka_version = optional(string)
    brokers = optional(object({
      instance_type           = optional(string)
      count                   = optional(number)
      volume_gib              = optional(number)
      max_volume_gib          = optional(number)
      volume_throughput_mibps = optional(number)
      tiered_storage          = optional(bool)
    }), {})
    authentication = optional(object({
      scram_secret_arns = optional(set(string))
      tls_ca_arns       = optional(set(string))
    }), {})
    replication = optional(object({
      factor      = optional(number)
      min_in_sync = optional(number)
    }), {})
    private_accounts  = optional(set(string))
    retention_days    = optional(number)
    server_properties = optional(map(string))
    monitoring = optional(object({
      level        = optional(string)
      broker_logs  = optional(bool)
      log_bucket   = optional(string)
      log_firehose = optional(string)
    }), {})
    client_security_groups  = optional(map(string))
    client_cidrs            = optional(map(string))
    client_prefix_lists     = optional(map(string))
    scraper_security_groups = optional(map(string))
  })
  default = null
}

variable "msk_lag" {
  description = "When lag is too much."
  type = object({
    max_offsets = optional(number)
    sum_offsets = optional(number)
    max_time_s  = optional(number)
    severity    = optional(string)
    overrides = optional(map(object({
      max_offsets = optional(number)
      sum_offsets = optional(number)
      max_time_s  = optional(number)
      severity    = optional(string)
    })), {})
  })
  default  = {}
  nullable = false
}

variable "msk_connect" {
  description = "The archive of topics."
  type = object({
    plugin = object({
      bucket_arn     = string
      key            = string
      object_version = string
      class          = optional(string)
    })
    connector_properties = optional(map(string))
    kafkaconnect_version = optional(string)
    s3_prefix_list_id    = optional(string)
    flush = optional(object({
      records    = optional(number)
      interval_s = optional(number)
    }), {})
    capacity = optional(object({
      mcu_count   = optional(number)
      min_workers = optional(number)
      max_workers = optional(number)
    }), {})
    archive = optional(object({
      cold_after_days   = optional(number)
      expire_after_days = optional(number)
    }), {})
  })
  default = null
}

variable "claim_check" {
  description = "Where payloads that are too large are kept."
  type = object({
    bucket            = optional(string)
    prefix            = optional(string)
    expire_after_days = optional(number)
  })
  default = null
}

variable "function_sources" {
  description = "Functions that read. `filters` are patterns: here as JSON, in the root's input as objects."
  type = map(object({
    function_arn      = string
    queue             = optional(string)
    max_concurrency   = optional(number)
    topic             = optional(string)
    group             = optional(string)
    start             = optional(string)
    min_pollers       = optional(number)
    max_pollers       = optional(number)
    max_retries       = optional(number)
    batch_size        = optional(number)
    batching_window_s = optional(number)
    filters           = optional(list(string), [])
    enabled           = optional(bool, true)
  }))
  default  = {}
  nullable = false
}

variable "event_topics" {
  description = "Topics of SNS that are targets."
  type = map(object({
    arn         = string
    kms_key_arn = optional(string)
  }))
  default  = {}
  nullable = false
}

variable "event_streams" {
  description = "Streams of Kinesis that are targets."
  type = map(object({
    arn                = string
    partition_key_path = optional(string)
    kms_key_arn        = optional(string)
  }))
  default  = {}
  nullable = false
}

variable "event_endpoints" {
  description = "HTTP endpoints that are targets."
  type = map(object({
    url            = string
    connection_arn = string
    method         = optional(string, "POST")
    max_per_s      = optional(number, 300)
  }))
  default  = {}
  nullable = false
}
