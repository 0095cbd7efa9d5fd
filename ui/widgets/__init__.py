"""The pages share these parts; none of them knows a page."""
