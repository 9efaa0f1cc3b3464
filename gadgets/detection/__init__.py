"""Detection: which samples are sparks?

The files, in the order in which a k-space meets them:

==================  =========================================================================
module              what is in it
==================  =========================================================================
``opening``         a detector, opened anew or kept since an earlier scan
``detector``        all steps for one k-space
``series``          suspects that are unlike what was there before; what is remembered
``looks``           the patches are judged again and again, as long as something new is found
``found``           what has been found by then
``reasons``         what is said where not all was as it should be
``suspects``        samples that the models mark
``unrest``          how well the rest of a suspect's readout fits
``echo_peak``       where a spark cannot be told from the echo
``second_opinion``  who is asked about the suspects: one by one, together, and in the end all
``crowds``          those that hide each other
``confirmation``    what predictions say of suspects
``displaced``       readouts that hold too many points to be hit by sparks
``verdict``         the models' word and that of the predictions, weighed against each other
==================  =========================================================================
"""

from gadgets.detection.echo_peak import CORE
from gadgets.detection.opening import LooksForSparks, for_one_scan, open_detector

__all__ = ["CORE", "LooksForSparks", "for_one_scan", "open_detector"]
