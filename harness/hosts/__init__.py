"""How are commands run and files moved on a host?"""
