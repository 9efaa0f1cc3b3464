"""How well are sparks found and repaired? despark and its rivals on any raw files, by one definition.

======================  =============================================================================
module                  what it holds
======================  =============================================================================
``readouts``            the stack of acquired readouts ``(coil, line, sample)``, its noise and radii
``sparks``              KSpace -> KSpace with sparks of known place and strength
``rivals``              KSpace -> repaired samples ``(coil, kz, ky, kx)``, one function per rival
``score``               what was found, what harm was done, how much error is left
``despark``             despark itself among the rivals, and with known points
``variants``            despark under other settings, from ``--variant``
``run``                 one file, all rivals, seeded runs
``tables``, ``plot``    the result for people
``command``             ``despark benchmark``
======================  =============================================================================
"""
