"""How do histories come in from files, and go out to them?"""
