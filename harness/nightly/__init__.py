"""How is a service tried every night, so that nobody has to look unless something is wrong?

matrix   what is to be run: the file that says so
table    what a table of that file says, and what is wrong with it
night    what a night has left on the disk, and how it is found again after a crash
playing  one run after the other, as processes of their own, within the budget
summing  what a night says as a whole, and what is new since the last
page     a night on one page
junit    a night for programs that show tests
"""
