"""What do clients ask for, and what should they see?"""
