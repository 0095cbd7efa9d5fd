"""Studies of MFRNet on fabrics in MVTec layout: quality beside its baselines, and what each of its ideas is worth."""
