"""Is there a legal order of these calls? The argument for every step is in docs/search.md."""
