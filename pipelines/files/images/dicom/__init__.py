"""DICOM: what does an archive want to know of an image?"""
