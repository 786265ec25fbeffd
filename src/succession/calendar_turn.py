"""What does calendar work answer that has not come to its end? The worker then takes the next turn at once, not at the next date."""

AGAIN = object()
