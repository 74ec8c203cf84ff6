"""A Lambda function: the handlers of a service, for what AWS invokes it with."""
