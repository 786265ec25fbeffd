"""The confidential side: profile, mandate, consents, import of spreadsheets."""
