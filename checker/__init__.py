"""What happened, was it legal, and why not?"""
