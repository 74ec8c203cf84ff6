# What is wrong with the catalogue, in sentences. `pat-events catalog check` knows every rule, and
# the line; here stand those whose breach a plan would pass over or report in Terraform's own
# words. Keys, bounds and cron fields are read from the JSON Schema, which has them for both.
locals {
  catalog_schema = jsondecode(file("${path.module}/../schemas/catalog.schema.json"))

  # Every place that has keys: what stands there, and what the schema says of it.
  catalog_places = concat(
    [{ path = "the catalogue", found = local.catalog, schema = local.catalog_schema }],
    [for letters in try([local.catalog.dead_letters], []) : { path = "dead_letters", found = letters, schema = local.catalog_schema.properties.dead_letters }],
    flatten([
      for table, entries in local.catalog_schema.properties : [
        for name, entry in try(local.catalog[table], {}) : { path = "${table}.${name}", found = entry, schema = entries.additionalProperties }
      ] if can(entries.additionalProperties.properties)
    ]),
    flatten([
      for table in ["events", "rules"] : [
        for name, entry in try(local.catalog[table], {}) : {
          path   = "${table}.${name}.targets"
          found  = entry.targets
          schema = local.catalog_schema["$defs"].targets
        } if can(entry.targets)
      ]
    ]),
    [
      for name, rule in try(local.catalog.rules, {}) : {
        path   = "rules.${name}.transform"
        found  = rule.transform
        schema = local.catalog_schema.properties.rules.additionalProperties.properties.transform
      } if can(rule.transform)
    ],
  )
  catalog_shape_faults = flatten([
    for place in local.catalog_places : concat(
      can(keys(place.found)) ? [] : ["${place.path} must have keys: ${join(", ", keys(place.schema.properties))}."],
      [
        for key in try(keys(place.found), []) :
        "${place.path} has the unknown key ${key}; known are ${join(", ", keys(place.schema.properties))}." if !contains(keys(place.schema.properties), key)
      ],
      [for key in try(place.schema.required, []) : "${place.path} has no ${key}; add it." if can(keys(place.found)) && try(place.found[key], null) == null],
      [
        for key, rule in place.schema.properties :
        "${place.path}.${key} must be a whole number from ${rule.minimum} to ${rule.maximum}."
        if can(rule.minimum) && try(place.found[key], null) != null && !try(floor(place.found[key]) == place.found[key] && place.found[key] >= rule.minimum && place.found[key] <= rule.maximum, false)
      ],
      [for key, rule in place.schema.properties : "${place.path}.${key} must be true or false." if try(rule.type, "") == "boolean" && can(place.found[key]) && !can(tobool(place.found[key]))],
      [for key, rule in place.schema.properties : "${place.path}.${key} must be a list of names." if try(rule["$ref"], "") == "#/$defs/names" && can(place.found[key]) && !can(join("", place.found[key]))],
    )
  ])

  # Each place that has targets, as they were given and as they were read.
  named_ways = concat(
    [for name, event in local.catalog.events : { path = "events.${name}", given = try(event.targets, null), targets = local.events[name].targets }],
    [for name, rule in try(local.catalog.rules, {}) : { path = "rules.${name}", given = try(rule.targets, null), targets = local.own_rules[name].targets }],
  )

  # Names on AWS to what in the catalogue gets them, once for each. FIFO queues meet no standard ones.
  queue_owners = concat(
    [{ name = "undelivered", owner = "the bus's dead-letter queue" }, { name = "unhandled", owner = "the queue of what functions gave up" }, { name = "unheard", owner = "the queue of what subscribers did not take" }],
    flatten([
      for name, queue in local.queues : [
        { name = "${name}${queue.fifo ? ".fifo" : ""}", owner = "queues.${name}" },
        { name = "${name}-dlq${queue.fifo ? ".fifo" : ""}", owner = "the dead-letter queue of queues.${name}" },
      ]
    ]),
  )

  cron = local.catalog_schema.properties.schedules.additionalProperties.properties.cron
  cron_fields = [
    for field in local.cron.cronFields : merge(field, {
      pattern = format("^((\\*|(%s)(-(%s))?)(/[0-9]+)?(,(\\*|(%s)(-(%s))?)(/[0-9]+)?)*|%s)$", field.value, field.value, field.value, field.value, try(field.also, field.value))
    })
  ]
  crons = { for name, schedule in local.schedules : name => try(split(" ", regex("^cron\\(([^()]*)\\)$", schedule.cron)[0]), []) }
  cron_faults = {
    for name, schedule in local.schedules : name => concat(
      can(regex(local.cron.pattern, schedule.cron)) ? [] : ["schedules.${name}.cron is ${schedule.cron}, and must be ${local.cron.description}."],
      length(local.crons[name]) != length(local.cron_fields) ? [] : concat(
        [
          for index, field in local.cron_fields :
          "schedules.${name}.cron: the ${field.name} ${local.crons[name][index]} must be ${field.range}." if !can(regex(field.pattern, local.crons[name][index]))
        ],
        (local.crons[name][2] == "?") != (local.crons[name][4] == "?") ? [] : [
          "schedules.${name}.cron: one of ${local.cron_fields[2].name} and ${local.cron_fields[4].name} must be ?, and not both."
        ],
      ),
    )
  }

  catalog_faults = concat(
    local.catalog_shape_faults,
    flatten([
      for way in local.named_ways : concat(
        [for queue in way.targets.queues : "${way.path}.targets sends to the queue ${queue}, which is not under queues; add it there or correct the target." if !contains(keys(local.queues), queue)],
        [for kind, names in way.targets : "${way.path}.targets.${kind} names a target twice; name it once." if length(names) < try(length(way.given[kind]), 0) && can(join("", way.given[kind]))],
        [
          for workflow in way.targets.workflows :
          "${way.path}.targets has the workflow ${workflow}; in this environment a workflow's name is at most ${39 - length(local.name)} lower-case letters, digits or '-'." if !can(regex(local.workflow_name, workflow))
        ],
        [
          for workflow in way.targets.workflows :
          "${way.path}.targets has the workflow ${workflow}, whose bucket would have the name of the ${workflow == "archive" ? "topics' archive" : "payloads' bucket"}; give it another name." if contains(["archive", "claims"], workflow)
        ],
      )
    ]),
    flatten([
      for name, event in local.catalog.events : concat(
        [for topic in [try(tostring(event.topic), null)] : "events.${name} has the topic ${topic}, which is not under topics; add it there or correct the event." if topic == null ? false : !can(local.catalog.topics[topic])],
        length(local.rule_names[name]) <= 62 ? [] : ["events.${name} has a name too long for its rule, ${local.rule_names[name]}; EventBridge allows 64 characters, of which two are kept for a second rule."],
      )
    ]),
    [
      for names in values({ for name, event in local.events : "${event.source}/${event.detail_type}" => name... }) :
      "events ${join(" and ", names)} have the same source and detail_type, so their rules would catch each other's events; give each its own detail_type." if length(names) > 1
    ],
    [
      for rule, names in { for name, rule in local.rule_names : rule => name... } :
      "events ${join(" and ", names)} both make the rule ${rule}; rename one." if length(names) > 1
    ],
    flatten([
      for name, rule in local.own_rules : concat(
        contains(keys(local.events), rule.event) ? [] : ["rules.${name} is about the event ${rule.event}, which is not under events; add it there or correct the rule."],
        can(regex(local.catalog_schema["$defs"].rule_name.pattern, name)) ? [] : ["rules.${name} must have a name of ${local.catalog_schema["$defs"].rule_name.description}."],
        [
          for owner in distinct([name, replace(name, "/-[0-9]+$/", "")]) :
          "rules.${name} has the name of a rule of ${try([for event, rule in local.rule_names : event if rule == owner][0], owner)}; rename one." if contains(values(local.rule_names), owner) || owner != name && can(local.own_rules[owner])
        ],
      )
    ]),
    [
      for name, owners in { for each in local.queue_owners : each.name => each.owner... } :
      "${join(" and ", owners)} both get the name ${local.name}-${name}; rename one." if length(owners) > 1
    ],
    [
      for name, queue in try(local.catalog.queues, {}) :
      "queues.${name}.visibility_timeout_s must be at least 6 times consumer_timeout_s, or the message of a slow consumer is given to a second one." if try(queue.visibility_timeout_s < 6 * queue.consumer_timeout_s, false)
    ],
    [for name, queue in local.queues : "queues.${name} has a name too long; ${local.name}-${name}-dlq.fifo may have 80 characters." if length("${local.name}-${name}-dlq.fifo") > 80],
    [for name, topic in try(local.catalog.topics, {}) : "topics.${name} keeps events less than 7 days; raise its retention_days." if try(topic.retention_days < 7, false)],
    [for letters in try([local.catalog.dead_letters], []) : "dead_letters are kept less than 7 days; raise retention_days." if try(letters.retention_days < 7, false)],
    flatten([
      for name, group in try(local.catalog.groups, {}) : [
        for event in distinct(concat(try([for each in group.consumes : tostring(each)], []), try([for each in group.publishes : tostring(each)], []))) :
        "groups.${name} names the event ${event}, which is not under events; add it there or correct the group." if !contains(keys(local.events), event)
      ]
    ]),
    [for name, schedule in local.schedules : "schedules.${name} needs a queue that is under queues and not FIFO; correct its queue." if !try(!local.queues[schedule.queue].fifo, false)],
    flatten(values(local.cron_faults)),
    length(local.workflows) > 0 && !can(local.events[var.workflow_step_event]) ? [
      "events has no ${var.workflow_step_event}, which workflows publish for their steps; add it, or name another in the input workflow_step_event."
    ] : [],
  )
}

resource "terraform_data" "catalog" {
  input = sha256(jsonencode(local.catalog))

  lifecycle {
    precondition {
      condition     = length(local.catalog_faults) == 0
      error_message = "The catalogue is refused; `pat-events catalog check` tells the lines:\n${join("\n", local.catalog_faults)}"
    }
  }
}
