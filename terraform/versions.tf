terraform {
  # 1.11 is the first release whose tests can set computed values at plan time.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}
