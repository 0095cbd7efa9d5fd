"""MFRNet: images of good cloth in, raw anomaly maps out."""
