"""Deploy, drive, record, replay, report: the only part that knows where we are."""
