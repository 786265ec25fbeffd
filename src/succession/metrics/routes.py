"""Stub until the slice is written."""

ROUTES: list = []
