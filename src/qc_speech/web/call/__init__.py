"""The call page: hear a call, judge its findings, correct what was heard."""
