# LocalStack: what its free edition has. No MSK; it forgets tracing and a bus's key, and
# drops the tags of alarms at creation: each would differ at every plan.
environment   = "local"
region        = "eu-west-1"
enable_msk    = false
enable_xray   = false
encrypt_bus   = false
force_destroy = true
