"""Commands: what does a person type?

The files, first how a command is called, then all of them:

=========================  =========================================
module                     what is in it
=========================  =========================================
``program``                the program, before all is imported
``command_line``           which command was typed
``terminal``               what a person sees and hears of it
``demo``                   what despark does, on a scan of its own
``inspect``                looks, and says whether there were sparks
``replay``                 repairs a raw file
``log``                    shows what was found over days
``console``                shows scans in a browser
``serve``                  runs chains for clients
``worker``                 runs nodes for Gadgetrons
``stream``                 is a filter in a pipe
``image``                  repairs images
``simulate``               puts sparks in
``accept``                 counts those that came back repaired
``benchmark``              compares with other methods
``train``                  makes a site's own models
``own_against_installed``  whether these are better
``models``                 lists those that are installed
``doctor``                 sees whether the installation is well
=========================  =========================================
"""
