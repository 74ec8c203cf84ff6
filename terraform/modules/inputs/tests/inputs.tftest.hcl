variables {
  msk_connect      = { plugin = { bucket_arn = "arn:aws:s3:::plugins", key = "sink.zip", object_version = "v1" } }
  msk_lag          = { overrides = { g = { max_offsets = 5 } } }
  function_sources = { f = { function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:f", queue = "q" } }
}

run "what_is_not_given_has_every_part_all_the_same" {
  command = plan

  assert {
    condition     = output.msk.family == "standard" && output.msk.brokers.count == null && length(output.msk.client_cidrs) == 0
    error_message = "Nothing of the cluster was given."
  }
  assert {
    condition     = output.msk_connect.flush.records == null && output.msk_connect.plugin.class == null
    error_message = "Of the archive its plugin alone."
  }
  assert {
    condition     = jsonencode(output.msk_lag.overrides["g"]) == "{\"max_offsets\":5,\"max_time_s\":null,\"severity\":null,\"sum_offsets\":null}"
    error_message = "Of a group's bounds one."
  }
  assert {
    condition     = output.function_sources["f"].enabled && output.function_sources["f"].topic == null && length(output.function_sources["f"].filters) == 0
    error_message = "Of a function that reads its queue."
  }
  assert {
    condition     = output.claim_check == null && output.msk_successor == null
    error_message = "What is not wanted stays so."
  }
}

run "a_number_may_be_written_as_text_and_a_list_is_a_set" {
  command = plan
  variables {
    msk = { brokers = { count = "6" }, authentication = { tls_ca_arns = ["b", "a", "b"] } }
  }

  assert {
    condition     = output.msk.brokers.count == 6 && output.msk.authentication.tls_ca_arns == toset(["a", "b"])
    error_message = "As Terraform takes them elsewhere."
  }
}

run "a_successor_says_nothing_of_clients_unless_it_does" {
  command = plan
  variables { msk_successor = { family = "express" } }

  assert {
    condition     = output.msk_successor.client_cidrs == null && output.msk_successor.brokers.max_volume_gib == null
    error_message = "So that those of the first cluster are taken."
  }
}
