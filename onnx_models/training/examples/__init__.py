"""Examples: what do the models learn from?

The files, clean data, sparks, and what is cut of both:

================  =================================
module            what is in it
================  =================================
``recordings``    planes of recorded scans, varied
``phantoms``      planes that nobody scanned
``degradations``  what scanners do to planes
``volumes``       the same in 3D, and cuboids
``sparks``        sparks, and their labels
``planes``        planes of all sources, drawn from
``processes``     several processes that do it
``patches``       labelled patches
``sets``          sets of them
``segments``      pieces of single readouts
``magnitudes``    patches of magnitudes
``pairs``         patches beside what sparks added
``windows``       windows around bursts
``images``        blocks of images
================  =================================
"""
