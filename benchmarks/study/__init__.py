"""This package studies MFRNet on fabrics in MVTec layout: quality beside its baselines, and what each idea is worth."""
