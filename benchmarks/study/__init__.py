"""Studies of MFRNet on fabrics in MVTec layout: quality beside its peers, and what each of its ideas is worth."""
