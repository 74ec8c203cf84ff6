"""Write docs/monitoring/dashboards from rows: Grafana's JSON is nothing to edit by hand.

``python -m tools.dashboards`` rewrites them; ``--check`` only compares and exits with 1 when one
differs from what would be written.
"""
