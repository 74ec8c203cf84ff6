"""A zip for AWS Lambda, with what a function of this package needs and nothing else.

``make lambda-package ARGS="--module emails.py"``
"""
