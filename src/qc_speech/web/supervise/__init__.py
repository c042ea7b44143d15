"""The supervisor's side: dashboards, rules, users, the audit log, settings of the site."""
