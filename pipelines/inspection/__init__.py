"""Inspection: what was in a scan, for somebody who was not there?"""

from pipelines.inspection.html_page import html_page, write_html
from pipelines.inspection.looking import Inspection, inspect_images, inspect_raw, look_again
from pipelines.inspection.paper import write_pdf, write_png
from pipelines.inspection.pictures import KSpacePictures

__all__ = [
    "Inspection",
    "KSpacePictures",
    "html_page",
    "inspect_images",
    "inspect_raw",
    "look_again",
    "write_html",
    "write_pdf",
    "write_png",
]
