"""Manuscripts: from an uploaded file to cleaned chapters."""
