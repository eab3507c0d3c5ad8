"""A file system of ours that runs on a host and forgets what was not synced."""
