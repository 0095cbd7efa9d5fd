"""Studies of MFRNet on fabrics laid out like MVTec AD: quality beside its peers, and what each of its ideas is worth."""
