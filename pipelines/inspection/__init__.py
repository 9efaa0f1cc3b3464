"""Inspection: what was in a scan, for somebody who was not there?

The files, first what is seen, then how it is shown:

=====================  ========================================
module                 what is in it
=====================  ========================================
``inspection``         what was seen in a file
``looking``            raw data, looked at
``looking_at_images``  images, looked at
``known_sparks``       a look without a search
``pictures``           what is shown of a k-space
``words``              what the page says
``paragraphs``         the same below its table
``vocabulary``         what it says of every scan
``html_page``          the page for a browser
``charts``             its charts
``rendering``          its pictures
``paper``              the page for a printer
``paper_text``         its words
``pages``              a page for each scan that a server keeps
=====================  ========================================
"""

from pipelines.inspection.html_page import html_page, write_html
from pipelines.inspection.inspection import Inspection
from pipelines.inspection.looking import inspect_raw, look_again
from pipelines.inspection.looking_at_images import inspect_images
from pipelines.inspection.pages import PAGE_ENDING, Pages
from pipelines.inspection.paper import write_pdf, write_png
from pipelines.inspection.pictures import KSpacePictures
from pipelines.inspection.rendering import gray_png, kspace_png, marks_svg

__all__ = [
    "PAGE_ENDING",
    "Inspection",
    "KSpacePictures",
    "Pages",
    "gray_png",
    "html_page",
    "inspect_images",
    "inspect_raw",
    "kspace_png",
    "look_again",
    "marks_svg",
    "write_html",
    "write_pdf",
    "write_png",
]
