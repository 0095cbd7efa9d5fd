"""This room decides how a picture file becomes pixels, for pictures, masks, calibration and teaching alike."""

from drivers.images.depth import depth_in_words, white_of
from drivers.images.listing import in_order, is_junk, is_lost, list_pictures, natural_key
from drivers.images.masks import MOST_CLASSES, Mask, Reading, read_mask
from drivers.images.metadata import ImageMetadata, Raster, UnreadableImageError
from drivers.images.reader import IMAGE_SUFFIXES, image_metadata, in_channels, read_image, read_raster, to_uint8

image_facts = image_metadata
"""Scripts outside know it by this older name."""

__all__ = [
    "IMAGE_SUFFIXES",
    "MOST_CLASSES",
    "ImageMetadata",
    "Mask",
    "Raster",
    "Reading",
    "UnreadableImageError",
    "depth_in_words",
    "image_facts",
    "image_metadata",
    "in_channels",
    "in_order",
    "is_junk",
    "is_lost",
    "list_pictures",
    "natural_key",
    "read_image",
    "read_mask",
    "read_raster",
    "to_uint8",
    "white_of",
]
