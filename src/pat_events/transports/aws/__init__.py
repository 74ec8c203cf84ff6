"""AWS's own buses through boto3: EventBridge, SQS and SNS. Needs the extra ``aws``."""

from __future__ import annotations
