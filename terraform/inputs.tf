# The inputs that have parts, typed: modules/inputs says what parts there are, and nothing else does.
module "inputs" {
  source = "./modules/inputs"

  msk           = var.msk
  msk_successor = var.msk_successor
  msk_lag       = var.msk_lag
  msk_connect   = var.msk_connect
  claim_check   = var.claim_check

  event_topics    = var.event_topics
  event_streams   = var.event_streams
  event_endpoints = var.event_endpoints

  function_sources = {
    for name, source in var.function_sources : name => merge(
      source, can(source.filters) ? { filters = [for filter in source.filters : jsonencode(filter)] } : {}
    )
  }
}

locals {
  # Input to its parts as given and as typed, each a path of up to three keys.
  input_parts = {
    for input, values in {
      msk              = [var.msk, module.inputs.msk]
      msk_successor    = [var.msk_successor, module.inputs.msk_successor]
      msk_lag          = [var.msk_lag, module.inputs.msk_lag]
      msk_connect      = [var.msk_connect, module.inputs.msk_connect]
      claim_check      = [var.claim_check, module.inputs.claim_check]
      event_topics     = [var.event_topics, module.inputs.event_topics]
      event_streams    = [var.event_streams, module.inputs.event_streams]
      event_endpoints  = [var.event_endpoints, module.inputs.event_endpoints]
      function_sources = [var.function_sources, module.inputs.function_sources]
    } :
    input => [
      for value in values : flatten([
        for a in try(keys(value), []) : concat([a], flatten([
          for b in try(keys(value[a]), []) : concat(["${a}.${b}"], [for c in try(keys(value[a][b]), []) : "${a}.${b}.${c}"])
        ]))
      ])
    ]
  }
  unknown_parts = flatten([
    for input, parts in local.input_parts : [
      for path in setsubtract(parts[0], parts[1]) :
      "${input} has no part ${path}; beside it there are: ${join(", ", [for known in parts[1] : known if known != path && replace(known, "/[^.]+$/", "") == replace(path, "/[^.]+$/", "")])}."
    ]
  ])
}

# Terraform drops what a type does not name, and a misspelt bound would be no bound.
resource "terraform_data" "inputs" {
  lifecycle {
    precondition {
      condition     = length(local.unknown_parts) == 0
      error_message = join("\n", local.unknown_parts)
    }
  }
}
