"""The model, MFRNet, learns from images of good cloth and gives raw anomaly maps."""
