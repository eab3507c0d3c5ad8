"""What may go wrong, where and when, as data?"""
