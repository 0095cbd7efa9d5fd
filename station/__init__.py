"""The core: live line, recipes, records, quality, commands.  No Qt here."""
