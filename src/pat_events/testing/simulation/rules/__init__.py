"""The rules of a consumer group, checked while a schedule runs.

A rule that is broken is a line in ``Ledger.trouble``; none of them raises.
"""
