locals {
  # A failed call is tried again after 2, 4, 8 and 16 seconds, spread so that many runs
  # do not come back together.
  retry = [{
    ErrorEquals     = ["States.ALL"]
    IntervalSeconds = 2
    BackoffRate     = 2
    MaxAttempts     = 4
    JitterStrategy  = "FULL"
  }]
  # States.ALL does not stand for too much data.
  catch = [for error in ["States.DataLimitExceeded", "States.ALL"] : {
    ErrorEquals = [error]
    ResultPath  = "$.failure"
    Next        = "RecordFailure"
  }]
  run_key = "States.Format('runs/{}/{}.json', $.detail.workflow_id, $$.Execution.Name)"

  definition = jsonencode({
    Comment        = "Load a workflow, request each of its steps, record the outcome"
    StartAt        = "CheckTrigger"
    TimeoutSeconds = var.timeout_s
    States = {
      # A path that is not there ends a run with an error no Catch sees.
      CheckTrigger = {
        Type = "Choice"
        Choices = [{
          And = [
            { Variable = "$.detail.workflow_id", IsPresent = true },
            { Variable = "$.detail.workflow_id", IsString = true },
            { Variable = "$.detail.metadata.event_id", IsPresent = true },
            { Variable = "$.detail.metadata.event_id", IsString = true },
          ]
          Next = "LoadWorkflow"
        }]
        Default = "RefuseTrigger"
      }
      RefuseTrigger = {
        Type  = "Fail"
        Error = "InvalidTrigger"
        Cause = "The triggering event needs detail.workflow_id and detail.metadata.event_id, both strings"
      }

      LoadWorkflow = {
        Type     = "Task"
        Resource = "arn:${var.account.partition}:states:::aws-sdk:s3:getObject"
        Parameters = {
          Bucket  = local.bucket
          "Key.$" = "States.Format('definitions/{}.json', $.detail.workflow_id)"
        }
        ResultSelector = { "definition.$" = "States.StringToJson($.Body)" }
        ResultPath     = "$.workflow"
        TimeoutSeconds = 30
        Retry          = concat([{ ErrorEquals = ["S3.NoSuchKeyException"], MaxAttempts = 0 }], local.retry)
        Catch          = local.catch
        Next           = "CheckWorkflow"
      }

      # Here as well: the map ends the run on a path that is not there.
      CheckWorkflow = {
        Type    = "Choice"
        Choices = [{ Variable = "$.workflow.definition.steps[0]", IsPresent = true, Next = "RequestSteps" }]
        Default = "RefuseWorkflow"
      }
      RefuseWorkflow = {
        Type = "Pass"
        Result = {
          Error = "InvalidWorkflow"
          Cause = "The workflow's definition needs a list of one step or more under 'steps'"
        }
        ResultPath = "$.failure"
        Next       = "RecordFailure"
      }

      RequestSteps = {
        Type           = "Map"
        ItemsPath      = "$.workflow.definition.steps"
        MaxConcurrency = var.concurrency
        ItemSelector = {
          "step.$"        = "$$.Map.Item.Value"
          "workflow_id.$" = "$.detail.workflow_id"
          "metadata.$"    = "$.detail.metadata"
          own = {
            # From trigger and position, not random: EventBridge may start a run twice,
            # and consumers then recognise the second event.
            "event_id.$"  = "States.Format('{}-step-{}', $.detail.metadata.event_id, $$.Map.Item.Index)"
            "timestamp.$" = "$$.State.EnteredTime"
            source        = var.step_event.source
          }
        }
        ItemProcessor = {
          ProcessorConfig = { Mode = "INLINE" }
          StartAt         = "CheckStep"
          States = {
            CheckStep = {
              Type = "Choice"
              Choices = [{
                And = [
                  { Variable = "$.step.plugin_id", IsPresent = true },
                  { Variable = "$.step.parameters", IsPresent = true },
                ]
                Next = "RequestStep"
              }]
              Default = "RefuseStep"
            }
            RefuseStep = {
              Type  = "Fail"
              Error = "InvalidStep"
              Cause = "Each step of the workflow needs plugin_id and parameters"
            }
            RequestStep = {
              Type     = "Task"
              Resource = "arn:${var.account.partition}:states:::events:putEvents"
              Parameters = {
                Entries = [{
                  EventBusName = var.step_event.bus_name
                  Source       = var.step_event.source
                  DetailType   = var.step_event.detail_type
                  Detail = {
                    # Tenant, user and correlation are carried on from the trigger.
                    "metadata.$"  = "States.JsonMerge($.metadata, $.own, false)"
                    "plugin_id.$" = "$.step.plugin_id"
                    context = {
                      "workflow_id.$" = "$.workflow_id"
                      "parameters.$"  = "$.step.parameters"
                    }
                    execution_mode   = "EXECUTION_MODE_ASYNC"
                    "requested_at.$" = "$$.State.EnteredTime"
                  }
                }]
              }
              TimeoutSeconds = 30
              Retry          = local.retry
              End            = true
            }
          }
        }
        ResultPath = "$.requested"
        Catch      = local.catch
        Next       = "RecordCompletion"
      }

      RecordCompletion = {
        Type     = "Task"
        Resource = "arn:${var.account.partition}:states:::aws-sdk:s3:putObject"
        Parameters = {
          Bucket  = local.bucket
          "Key.$" = local.run_key
          Body = {
            status          = "COMPLETED"
            "workflow_id.$" = "$.detail.workflow_id"
            "event_id.$"    = "$.detail.metadata.event_id"
            "steps.$"       = "States.ArrayLength($.requested)"
            "started_at.$"  = "$$.Execution.StartTime"
            "finished_at.$" = "$$.State.EnteredTime"
          }
        }
        TimeoutSeconds = 30
        Retry          = local.retry
        End            = true
      }

      RecordFailure = {
        Type     = "Task"
        Resource = "arn:${var.account.partition}:states:::aws-sdk:s3:putObject"
        Parameters = {
          Bucket  = local.bucket
          "Key.$" = local.run_key
          Body = {
            status          = "FAILED"
            "workflow_id.$" = "$.detail.workflow_id"
            "event_id.$"    = "$.detail.metadata.event_id"
            "failure.$"     = "$.failure"
            "started_at.$"  = "$$.Execution.StartTime"
            "finished_at.$" = "$$.State.EnteredTime"
          }
        }
        ResultPath     = null
        TimeoutSeconds = 30
        Retry          = local.retry
        Next           = "Failed"
      }
      Failed = {
        Type      = "Fail"
        ErrorPath = "$.failure.Error"
        CausePath = "$.failure.Cause"
      }
    }
  })
}
