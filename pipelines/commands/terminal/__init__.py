"""What does a person see and hear of a command: how much is said, how far it is, what came of it?

The files, from the first word to the last:

==============  =======================================
module          what is in it
==============  =======================================
``words``       what was typed, checked
``shell``       how much is said, and where
``logs``        what is logged
``progress``    how far it is
``batch``       many files, one after the other
``summary``     the tables at the end
``comparison``  those of accept
``trends``      those of log
``pages``       the pages that a command writes
``wrapping``    sentences on a terminal
``serving``     the options of servers
``watching``    how these are watched, and told to stop
``failures``    what is said of a failure
``unread``      standard streams that nobody reads
``ending``      how a command ends
==============  =======================================
"""
