"""Inspection: what was in a scan, for somebody who was not there?"""

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
