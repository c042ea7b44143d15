"""Scorecards of agents, teams, queues and the site: values and statistics. Pure: rows of calls and
findings in, frozen cards out (docs/scorecards.md explains every number)."""
